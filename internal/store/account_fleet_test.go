package store

import (
	"fmt"
	"hash/fnv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/account"
)

// A crowd is a fleet of many accounts: two of three instances are PostgreSQL,
// half of the names are the same on every instance, and what an account may do
// hangs on its name, so that privileges come in runs of a list by name.
type crowd struct{ instances, accounts int } // accounts of each instance

// add writes the crowd without its history.
func (c crowd) add(t testing.TB, b *accountBundle) {
	t.Helper()
	b.exec(t, `INSERT INTO instances (name, engine, host, port, credential_id, host_key)
		SELECT 'crowd-' || g, CASE WHEN g % 3 = 0 THEN 'mysql' ELSE 'postgresql' END, 'h' || g, 5432, c.id, 'h' || g
		FROM credentials c, generate_series(1, $1) g`, c.instances)
	b.exec(t, `INSERT INTO instance_tags SELECT id, 'production' FROM instances WHERE id % 2 = 0
		UNION ALL SELECT id, 'pilot' FROM instances WHERE id % 100 = 0`)
	first := one[int](t, b.pool, `SELECT min(id)::integer FROM instances WHERE name LIKE 'crowd-%'`)
	columns := []string{
		"instance_id", "identity", "name", "host", "kind", "can_login", "superuser", "attributes", "memberships", "grants", "hash", "first_seen_at",
	}
	now, at := time.Now(), 0
	_, err := b.pool.CopyFrom(t.Context(), pgx.Identifier{"accounts"}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		if at == c.instances*c.accounts {
			return nil, nil
		}
		instance, nr := at/c.accounts, at%c.accounts
		at++
		a := crowdAccount(instance, nr)
		_, hash, err := account.Encode(a)
		return []any{
			first + instance, a.Identity, a.Name, a.Host, string(a.Kind), a.CanLogin, a.Superuser,
			a.Attributes, a.Memberships, a.Grants, hash[:], now,
		}, err
	}))
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `VACUUM ANALYZE accounts, account_grants`)
}

func crowdAccount(instance, nr int) account.Account {
	name := fmt.Sprintf("%s_%03d", []string{"app", "etl", "job", "rpt", "svc"}[draw(nr)%5], nr)
	if nr%2 == 1 {
		name = fmt.Sprintf("u%05d", draw(instance, nr)%20_000)
	}
	a := account.Account{
		Identity: fmt.Sprint(16384 + nr), Name: name, Kind: account.User, CanLogin: nr%7 != 0, Superuser: nr%100 == 50,
		Attributes: map[string]any{"inherit": true, "createdb": false}, Memberships: []account.Membership{{Role: "16390", Grantor: "10"}},
	}
	if instance%3 == 2 {
		a.Host = "%"
		a.Grants = mysqlGrants(instance, class(name))
	} else {
		a.Grants = postgresGrants(instance, class(name))
	}
	return a.Canonical()
}

// class is what an account of that name may do.
func class(name string) int { return draw(name) % 1000 }

func draw(of ...any) int {
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, of...)
	return int(h.Sum32() >> 1)
}

func postgresGrants(instance, class int) []account.Grant {
	database, schema := fmt.Sprintf("shop%d", instance%200), []string{"public", "sales", "ledger"}[class%3]
	of := func(kind, object string, privileges ...string) account.Grant {
		return account.Grant{
			Type: kind, Database: database, Schema: schema, Object: object, Privileges: privileges,
			Grantor: "10", Source: account.Explicit,
		}
	}
	connect := account.Grant{Type: "database", Object: database, Privileges: []string{"CONNECT"}, Grantor: "10", Source: account.Explicit}
	usage := account.Grant{Type: "schema", Database: database, Object: schema, Privileges: []string{"USAGE"}, Grantor: "10", Source: account.Explicit}
	grants := []account.Grant{connect}
	if class >= 700 {
		return grants
	}
	grants = append(grants, usage)
	privileges := []string{"SELECT"}
	if class < 300 {
		privileges = append(privileges, "INSERT", "UPDATE", "DELETE")
	}
	if class < 50 {
		privileges = append(privileges, "REFERENCES")
	}
	if class < 10 {
		privileges = append(privileges, "TRIGGER")
	}
	for i := range 12 {
		grants = append(grants, of("table", fmt.Sprintf("t%03d", draw(class, i)%400), privileges...))
	}
	switch {
	case class < 1:
		grants = append(grants, account.Grant{Type: "parameter", Object: "log_statement", Privileges: []string{"SET"}, Source: account.Explicit})
	case class < 20:
		grants = append(grants, of("table", fmt.Sprintf("t%03d", class), "TRUNCATE"))
	case class < 120:
		for i := range 30 {
			grants = append(grants, account.Grant{
				Type: "table", Database: database, Schema: schema, Object: fmt.Sprintf("o%d_%d", class, i),
				Privileges: []string{"OWNER"}, Source: account.Owner,
			})
		}
	case class < 300:
		for i := range 6 {
			grants = append(grants, of("sequence", fmt.Sprintf("s%03d", draw(class, i)%400), "USAGE", "SELECT"))
		}
		grants = append(grants, of("function", "settle(integer)", "EXECUTE"))
	case class < 400:
		column := of("column", "t001", "SELECT")
		column.Column = fmt.Sprintf("c%d", class)
		grants = append(grants, column)
	}
	return grants
}

func mysqlGrants(instance, class int) []account.Grant {
	database := fmt.Sprintf("shop%d", instance%200)
	grant := func(kind, schema, object string, privileges ...string) account.Grant {
		return account.Grant{Type: kind, Schema: schema, Object: object, Privileges: privileges, Source: account.Explicit}
	}
	switch {
	case class < 5:
		return []account.Grant{grant("server", "", "", "SELECT", "INSERT", "UPDATE", "DELETE", "SUPER", "PROCESS", "RELOAD", "SHUTDOWN", "FILE")}
	case class < 300:
		return []account.Grant{grant("database", "", database, "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "INDEX", "ALTER", "EXECUTE")}
	case class < 500:
		return []account.Grant{grant("database", "", database, "SELECT")}
	case class < 700:
		var grants []account.Grant
		for i := range 8 {
			grants = append(grants, grant("table", database, fmt.Sprintf("t%03d", draw(class, i)%400), "SELECT"))
		}
		return grants
	case class < 720:
		return []account.Grant{grant("procedure", database, "settle", "EXECUTE")}
	}
	return nil
}
