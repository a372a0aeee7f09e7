package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
)

// bootstrapOID is the superuser that initdb made.
const bootstrapOID = "10"

const sqlRoles = `
SELECT oid::text, rolname, rolcanlogin, rolsuper, rolinherit, rolcreaterole, rolcreatedb,
       rolreplication, rolbypassrls, rolconnlimit,
       CASE WHEN isfinite(rolvaliduntil)
            THEN floor(extract(epoch FROM rolvaliduntil) * 1000000)::int8::text
            ELSE rolvaliduntil::text END
  FROM pg_catalog.pg_roles
 ORDER BY pg_roles.oid
 LIMIT $1::int8`

// readRoles reads every role. Without them there is nothing to attach anything
// to, so that its failure is the failure of the read.
func (c *conn) readRoles(ctx context.Context) error {
	limit := c.read.limits.MaxAccounts
	shared := attributes{}
	q := query{name: "roles", sql: sqlRoles, columns: 11}
	return c.each(ctx, q, func(r row) error {
		if len(c.read.snapshot.Accounts) > limit { // PUBLIC does not count
			return fmt.Errorf("%w: over %d accounts", errTooLarge, limit)
		}
		a, err := readRole(r, shared)
		if err != nil {
			return err
		}
		return c.read.addAccount(a)
	}, strconv.Itoa(limit+1))
}

func readRole(r row, shared attributes) (account.Account, error) {
	a := account.Account{Identity: r.text(0), Name: r.text(1), Kind: account.Role}
	if _, err := strconv.ParseUint(a.Identity, 10, 32); err != nil {
		return a, fmt.Errorf("%w: OID of a role", errProtocol)
	}
	a.System = a.Identity == bootstrapOID || strings.HasPrefix(a.Name, "pg_")
	var err error
	if a.CanLogin, err = r.flag(2); err != nil {
		return a, err
	}
	if a.CanLogin {
		a.Kind = account.User
	}
	if a.Superuser, err = r.flag(3); err != nil {
		return a, err
	}
	if a.Attributes, err = shared.of(r); err != nil {
		return a, err
	}
	a.ValidUntil, err = validUntil(string(r[10]))
	return a, err
}

// roleFlags are the attributes that stand in sqlRoles from column 4 on.
var roleFlags = [...]string{"inherit", "createrole", "createdb", "replication", "bypassrls"}

const (
	firstFlag  = 4
	connLimit  = firstFlag + len(roleFlags)
	noLimit    = -1
	boundsYear = 9999
)

// attributes keeps one copy of each set of attributes: most roles have the same.
type attributes map[string]map[string]any

func (all attributes) of(r row) (map[string]any, error) {
	var key strings.Builder
	for i := firstFlag; i <= connLimit; i++ {
		key.Write(r[i])
		key.WriteByte(' ')
	}
	if set, ok := all[key.String()]; ok {
		return set, nil
	}
	set := map[string]any{}
	for i, name := range roleFlags {
		v, err := r.flag(firstFlag + i)
		if err != nil {
			return nil, err
		}
		set[name] = v
	}
	limit, err := r.integer(connLimit)
	if err != nil {
		return nil, err
	}
	if limit != noLimit {
		set["connection_limit"] = limit
	}
	all[key.String()] = set
	return set, nil
}

// validUntil reads a point in time in microseconds. PostgreSQL knows times that
// JSON does not: they become the nearest one that it does.
func validUntil(s string) (*time.Time, error) {
	first := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC) // not Go's zero time
	last := time.Date(boundsYear, 12, 31, 0, 0, 0, 0, time.UTC)
	switch s {
	case "", "infinity":
		return nil, nil
	case "-infinity":
		return &first, nil
	}
	micros, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: end of a role's validity", errProtocol)
	}
	t := time.UnixMicro(micros).UTC()
	if t.Before(first) {
		t = first
	}
	if t.After(last) {
		t = last
	}
	return &t, nil
}
