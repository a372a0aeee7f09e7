package postgres

import (
	"context"
	"errors"

	"github.com/dbfleet/dbfleet/internal/session"
)

// The templates that initdb made hold nothing that anybody uses, and a connection
// to one of them keeps others from creating databases. A database that somebody
// has marked as a template is read like any: the mark takes no right away.
//
// The privilege is NULL for a database that was dropped meanwhile. The names go
// back to the server as they came.
const sqlDatabases = `
SELECT datname, datname = current_database(), datallowconn, has_database_privilege(oid, 'CONNECT')
  FROM pg_catalog.pg_database
 WHERE datname NOT IN ('template0', 'template1')
 ORDER BY datname`

// Databases are what there is to be read besides the whole server.
type databases struct {
	here   string   // the connection's own database, for grants; empty when initdb made it as a template
	others []string // as the server spells them
}

// listDatabases notes a gap for each database that cannot be entered.
func (c *conn) listDatabases(ctx context.Context) (databases, error) {
	var found databases
	err := c.each(ctx, query{name: "databases", sql: sqlDatabases, columns: 4}, func(r row) error {
		here, err1 := r.flag(1)
		open, err2 := r.flag(2)
		allowed, err3 := r.flag(3)
		switch {
		case here:
			found.here = r.text(0)
		case r[3] == nil:
		case !open:
			c.read.closed(r.text(0), session.CodePermission, "the database does not accept connections")
		case !allowed:
			c.read.closed(r.text(0), session.CodePermission, "no CONNECT privilege on the database")
		default:
			found.others = append(found.others, string(r[0]))
		}
		return errors.Join(err1, err2, err3)
	})
	return found, err
}

// closed notes a database that was not even tried: a refused login would only
// fill the target's log.
func (r *read) closed(database string, code session.Code, reason string) {
	r.gap(database, "", &session.Fault{Code: code, Phase: session.PhaseLogin, Err: errors.New(reason)})
}

// readDatabase reads one more database on a connection of its own.
func (r *read) readDatabase(ctx context.Context, name string) error {
	c, err := r.open(ctx, name)
	if err != nil {
		return r.skipDatabase(name, err)
	}
	defer c.close(ctx)
	return c.readGrantsOf(ctx, clean([]byte(name)))
}

// skipDatabase turns the refusal of a login into a gap. A database that was
// dropped meanwhile is none. A password that is not accepted any more would fail
// for the others too.
func (r *read) skipDatabase(name string, err error) error {
	f, ok := err.(*failure) //nolint:errorlint // open returns it for every answer of a server
	if !ok || f.state == "" || f.state == stateNoPassword {
		return err
	}
	if f.state == stateNoDatabase || f.state == stateDropped {
		return nil
	}
	r.gap(clean([]byte(name)), "", f.fault)
	return nil
}
