package postgres_test

import (
	"context"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/collector/postgres"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// The account that docs/engines/postgresql.md asks for.
const (
	minimalName     = "dbfleet"
	minimalPassword = "Minimal-Pa55word"
	createMinimal   = `CREATE ROLE dbfleet LOGIN PASSWORD '` + minimalPassword + `' CONNECTION LIMIT 5`
)

func TestConformance(t *testing.T) {
	t.Parallel()
	collectortest.Run(t, collectortest.Harness{
		NewReader: func(t testing.TB, d *netguard.Dialer) collectortest.Reader {
			t.Helper()
			return newReader(t, d)
		},
		Start: func(t testing.TB) collectortest.Server {
			t.Helper()
			return start(t, localsvc.PostgresOptions{})
		},
		StartTLS: func(t testing.TB, certFile, keyFile string) collectortest.Server {
			t.Helper()
			return start(t, localsvc.PostgresOptions{CertFile: certFile, KeyFile: keyFile})
		},
		SQL:   spellings(),
		Fakes: fakes(),
		Wire:  wireTLS(),
		Stops: true,
	})
}

func newReader(t testing.TB, d *netguard.Dialer) *postgres.Reader {
	t.Helper()
	r, err := postgres.New(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A server is a private target with the minimal account.
type server struct {
	*localsvc.Postgres
}

func start(t testing.TB, opts localsvc.PostgresOptions) *server {
	t.Helper()
	s := &server{testdb.Target(t, opts)}
	s.Exec(t, "", createMinimal)
	return s
}

// Target logs in as the minimal account without TLS.
func (s *server) Target() fleet.Target {
	return fleet.Target{
		Host: s.Host(), Port: s.Port(), TLSMode: fleet.TLSDisable, Engine: fleet.PostgreSQL,
		Username: minimalName, Password: secret.New(minimalPassword), AppName: "dbfleet/1/2/3",
	}
}

// connect opens a connection of the superuser that ends with the test.
func (s *server) connect(t testing.TB, database string) *pgx.Conn {
	t.Helper()
	u, err := url.Parse(s.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		t.Fatal(err)
	}
	if database != "" {
		config.Database = database // may hold what a URL would not
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Exec runs statements as the superuser.
func (s *server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	conn := s.connect(t, database)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%.200s: %v", statement, err)
		}
	}
}

func (s *server) count(t testing.TB, query string, args ...any) int {
	t.Helper()
	conn := s.connect(t, "")
	defer func() { _ = conn.Close(t.Context()) }()
	var n int
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Sessions counts the connections of an application.
func (s *server) Sessions(t testing.TB, appName string) int {
	t.Helper()
	return s.count(t, "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", appName)
}

// Block locks a catalog that only the collector reads.
func (s *server) Block(t testing.TB) func() {
	t.Helper()
	conn := s.connect(t, "")
	for _, statement := range []string{"BEGIN", "LOCK TABLE pg_catalog.pg_default_acl IN ACCESS EXCLUSIVE MODE"} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return func() { _ = conn.Close(context.Background()) }
}

// Waiting reports whether somebody waits for the lock of Block.
func (s *server) Waiting(t testing.TB) bool {
	t.Helper()
	return s.count(t, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0
}

// Kill crashes the server.
func (s *server) Kill(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Postgres.Kill(ctx); err != nil {
		t.Fatal(err)
	}
}

func quote(names ...string) string { return pgx.Identifier(names).Sanitize() }

func spellings() collectortest.SQL {
	return collectortest.SQL{
		CreateUser: func(name string) string { return "CREATE ROLE " + quote(name) + " LOGIN" },
		CreateRole: func(name string) string { return "CREATE ROLE " + quote(name) },
		ExpireUser: func(name string) string {
			return "ALTER ROLE " + quote(name) + " VALID UNTIL '2001-02-03 00:00:00+00'"
		},
		GrantRole: func(role, member string) string { return "GRANT " + quote(role) + " TO " + quote(member) },
		GrantAdmin: func(role, member string) string {
			return "GRANT " + quote(role) + " TO " + quote(member) + " WITH ADMIN OPTION"
		},
		CreateDatabase: func(name string) string { return "CREATE DATABASE " + quote(name) },
		CreateTable: func(schema, table string) []string {
			return []string{"CREATE SCHEMA " + quote(schema), "CREATE TABLE " + quote(schema, table) + " (id int)"}
		},
		GrantSelect: func(schema, table, name string) string {
			return "GRANT SELECT ON " + quote(schema, table) + " TO " + quote(name)
		},
		Forbid: func(database, _ string) string {
			return "REVOKE CONNECT ON DATABASE " + quote(database) + " FROM PUBLIC"
		},
		ManyUsers: func(n int) string {
			return `DO $$ BEGIN FOR i IN 1..` + strconv.Itoa(n) + ` LOOP
				EXECUTE format('CREATE ROLE %I LOGIN CONNECTION LIMIT %s', 'many_' || i, i % 3);
				END LOOP; END $$`
		},
		Databases: true,
		NameBytes: 63,
	}
}

// read reads the server and allows no gap.
func (s *server) read(t testing.TB) snapshot {
	t.Helper()
	found := s.readPartial(t)
	for _, gap := range found.Gaps {
		t.Fatalf("gap: %+v", gap)
	}
	return found
}

func (s *server) readPartial(t testing.TB) snapshot {
	t.Helper()
	found, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), s.Target(), fleet.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot{found}
}
