package postgres

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/dbfleet/dbfleet/internal/session"
)

// The templates that initdb made hold nothing that anybody uses, and a connection
// to one of them keeps others from creating databases. A database that somebody
// has marked as a template is read like any: the mark takes no right away.
//
// The privilege is NULL for a database that was dropped meanwhile. The last column
// is the name in the bytes of the catalog: nothing translates the one in a login,
// while what we are shown is translated from the encoding of the connection's
// database. convert_to would refuse bytes that are none of that encoding's.
const sqlDatabases = `
SELECT datname, datname = current_database(), datallowconn, has_database_privilege(oid, 'CONNECT'), oid::text,
       encode(replace(datname::text, chr(92), chr(92) || chr(92))::bytea, 'hex')
  FROM pg_catalog.pg_database
 WHERE datname NOT IN ('template0', 'template1')
 ORDER BY datname`

// sqlDatabaseOIDs tells which databases there are.
const sqlDatabaseOIDs = `
SELECT oid::text FROM pg_catalog.pg_database`

// A database is one that is to be read on a connection of its own.
type database struct {
	oid  string
	name string // for grants
	raw  string // for the login
}

// Databases are what there is to be read besides the whole server.
type databases struct {
	here   string // the connection's own database, for grants; empty when initdb made it as a template
	others []database
}

// listDatabases notes a gap for each database that cannot be entered.
func (c *conn) listDatabases(ctx context.Context) (databases, error) {
	var found databases
	err := c.each(ctx, query{name: "databases", sql: sqlDatabases, columns: 6}, func(r row) error {
		here, err1 := r.flag(1)
		open, err2 := r.flag(2)
		allowed, err3 := r.flag(3)
		raw, err4 := hex.DecodeString(string(r[5]))
		switch {
		case here:
			found.here = r.text(0)
		case r[3] == nil:
		case !open:
			c.read.closed(r.text(0), session.CodePermission, "the database does not accept connections")
		case !allowed:
			c.read.closed(r.text(0), session.CodePermission, "no CONNECT privilege on the database")
		default:
			found.others = append(found.others, database{oid: r.text(4), name: r.text(0), raw: string(raw)})
		}
		return errors.Join(err1, err2, err3, err4)
	})
	return found, err
}

// closed notes a database that was not even tried: a refused login would only
// fill the target's log.
func (r *read) closed(database string, code session.Code, reason string) {
	r.Gap(database, "", &session.Fault{Code: code, Phase: session.PhaseLogin, Err: errors.New(reason)})
}

// readDatabase reads one more database on a connection of its own.
func (r *read) readDatabase(ctx context.Context, d database) error {
	c, err := r.open(ctx, d.raw)
	if err != nil {
		return r.skipDatabase(d, err)
	}
	defer c.close(ctx)
	return c.readGrantsOf(ctx, d.name)
}

// skipDatabase turns the refusal of a login into a gap, unless the whole server
// refuses. Whether a database was dropped meanwhile shows later.
func (r *read) skipDatabase(d database, err error) error {
	f, ok := err.(*failure) //nolint:errorlint // open returns it for every answer of a server
	if !ok || f.state == "" || f.server {
		return err
	}
	if f.state == stateNoDatabase || f.state == stateDropped {
		r.unfound = append(r.unfound, unfound{d, f.Fault})
		return nil
	}
	r.Gap(d.name, "", f.Fault)
	return nil
}

// An unfound database could not be entered because there is none of its name.
type unfound struct {
	database
	fault *session.Fault
}

// checkUnfound looks whether the unfound databases were dropped. One that is
// still there, such as under another name, is a gap.
func (r *read) checkUnfound(ctx context.Context, first string) error {
	if len(r.unfound) == 0 {
		return nil
	}
	there, err := r.readDatabaseOIDs(ctx, first)
	if err != nil {
		return err
	}
	for _, u := range r.unfound {
		if there[u.oid] {
			r.Gap(u.name, "", u.fault)
		}
	}
	return nil
}

func (r *read) readDatabaseOIDs(ctx context.Context, first string) (map[string]bool, error) {
	c, err := r.open(ctx, first)
	if err != nil {
		return nil, err
	}
	defer c.close(ctx)
	there := map[string]bool{}
	err = c.each(ctx, query{name: "databases", sql: sqlDatabaseOIDs, columns: 1}, func(r row) error {
		there[r.text(0)] = true
		return nil
	})
	return there, err
}
