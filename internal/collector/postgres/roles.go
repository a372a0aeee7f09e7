package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
)

// bootstrapOID is the superuser that initdb made.
const bootstrapOID = "10"

// PostgreSQL knows times that JSON does not: they become the nearest ones that it
// does, and the first of them is not Go's zero time.
const sqlRoles = `
SELECT oid::text, rolname, rolcanlogin, rolsuper, rolinherit, rolcreaterole, rolcreatedb,
       rolreplication, rolbypassrls, rolconnlimit,
       CASE WHEN rolvaliduntil < 'infinity'
            THEN floor(extract(epoch FROM greatest(least(rolvaliduntil, '9999-12-31 00:00:00+00'),
                                                   '0001-01-02 00:00:00+00')) * 1000000)::int8::text END
  FROM pg_catalog.pg_roles
 ORDER BY pg_roles.oid
 LIMIT $1::int8`

// readRoles reads every role, and knows PUBLIC, which is none. Without them there is nothing to attach anything
// to, so that its failure is the failure of the read.
func (c *conn) readRoles(ctx context.Context) error {
	err := c.read.Add(publicOID, account.Account{
		Identity: account.PublicIdentity, Name: "PUBLIC", Kind: account.Public, System: true,
	})
	if err != nil {
		return err
	}
	shared := attributes{}
	q := query{name: "roles", sql: sqlRoles, columns: 11}
	return c.each(ctx, q, func(r row) error {
		a, err := readRole(r, shared)
		if err != nil {
			return err
		}
		return c.read.Add(a.Identity, a)
	}, strconv.Itoa(c.read.limits.MaxAccounts+1))
}

func readRole(r row, shared attributes) (account.Account, error) {
	a := account.Account{Identity: r.text(0), Name: r.text(1), Kind: account.Role}
	if _, err := strconv.ParseUint(a.Identity, 10, 32); err != nil {
		return a, fmt.Errorf("%w: OID of a role", collector.ErrProtocol)
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
	a.ValidUntil, err = validUntil(r, 10)
	return a, err
}

// roleFlags are the attributes that stand in sqlRoles from column 4 on.
var roleFlags = [...]string{"inherit", "createrole", "createdb", "replication", "bypassrls"}

const (
	firstFlag = 4
	connLimit = firstFlag + len(roleFlags)
	noLimit   = -1
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

// validUntil reads a point in time in microseconds; NULL is for ever.
func validUntil(r row, i int) (*time.Time, error) {
	if len(r[i]) == 0 {
		return nil, nil
	}
	micros, err := r.integer(i)
	if err != nil {
		return nil, err
	}
	t := time.UnixMicro(micros).UTC()
	return &t, nil
}
