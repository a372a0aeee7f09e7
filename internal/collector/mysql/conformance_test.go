package mysql_test

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	driver "github.com/go-sql-driver/mysql"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/collector/mysql/mysqltest"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// The account that docs/engines/mysql.md asks for.
const (
	minimalName     = "dbfleet"
	minimalPassword = "Minimal-Pa55word"
	createMinimal   = `CREATE USER dbfleet IDENTIFIED BY '` + minimalPassword + `' WITH MAX_USER_CONNECTIONS 5`
)

func TestConformance(t *testing.T) {
	t.Parallel()
	collectortest.Run(t, collectortest.Harness{
		NewReader: func(_ testing.TB, d *netguard.Dialer) collectortest.Reader { return mysql.New(d, nil) },
		Start:     func(t testing.TB) collectortest.Server { t.Helper(); return start(t) },
		StartTLS: func(t testing.TB, certFile, keyFile string) collectortest.Server {
			t.Helper()
			return startWith(t, localsvc.MariaDBOptions{CertFile: certFile, KeyFile: keyFile})
		},
		SQL:   spellings(),
		Fakes: fakes(),
		Wire:  wireTLS(),
	})
}

// A server is a private target with the minimal account.
type server struct {
	*localsvc.MariaDB
}

func start(t testing.TB) *server {
	t.Helper()
	return startWith(t, localsvc.MariaDBOptions{
		Settings: map[string]string{"performance-schema": "ON"}, // it tells the names of applications
	})
}

func startWith(t testing.TB, opts localsvc.MariaDBOptions) *server {
	t.Helper()
	s := &server{testdb.MariaDB(t, opts)}
	s.Exec(t, "", createMinimal, "CREATE USER somebody")
	s.Exec(t, "", mysql.MinimalMariaDB(minimalName)...)
	return s
}

// bare returns a server without the minimal account.
func bare(t testing.TB) *server {
	t.Helper()
	return &server{testdb.MariaDB(t, localsvc.MariaDBOptions{})}
}

// Target logs in as the minimal account without TLS.
func (s *server) Target() fleet.Target {
	return fleet.Target{
		Host: s.Host(), Port: s.Port(), TLSMode: fleet.TLSDisable, Engine: fleet.MySQL,
		Username: minimalName, Password: secret.New(minimalPassword), AppName: "dbfleet/1/2/3",
	}
}

// connect opens one connection of the superuser.
func (s *server) connect(t testing.TB, database string) (*sql.Conn, func()) {
	t.Helper()
	connector, err := driver.NewConnector(s.Config(database))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn, func() {
		_ = conn.Close()
		_ = db.Close()
	}
}

// Exec runs statements as the superuser.
func (s *server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	if err := s.MariaDB.Exec(t.Context(), database, statements...); err != nil {
		t.Fatal(err)
	}
}

// lines returns the only column of each row.
func (s *server) lines(t testing.TB, query string) []string {
	t.Helper()
	all, err := s.Lines(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (s *server) count(t testing.TB, query string) int {
	t.Helper()
	n, err := strconv.Atoi(s.lines(t, query)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Sessions counts the connections of an application.
func (s *server) Sessions(t testing.TB, appName string) int {
	t.Helper()
	return s.count(t, "SELECT count(*) FROM performance_schema.session_account_connect_attrs a "+
		"WHERE ATTR_NAME = 'program_name' AND ATTR_VALUE = "+mysqltest.Text(appName)) +
		s.count(t, "SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'dbfleet'")
}

// Block locks a table that only the collector reads.
func (s *server) Block(t testing.TB) func() {
	t.Helper()
	conn, end := s.connect(t, "")
	t.Cleanup(end)
	if _, err := conn.ExecContext(t.Context(), "LOCK TABLES mysql.procs_priv WRITE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		_, _ = conn.ExecContext(context.Background(), "UNLOCK TABLES")
		end()
	}
}

// Waiting reports whether somebody waits for the lock of Block.
func (s *server) Waiting(t testing.TB) bool {
	t.Helper()
	return s.count(t, "SELECT count(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table%'") > 0
}

// Kill crashes the server.
func (s *server) Kill(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.MariaDB.Kill(ctx); err != nil {
		t.Fatal(err)
	}
}

// grantee names an account; those that the suite creates as roles have no host.
func grantee(s string) string {
	if strings.HasPrefix(s, "chain") || s == "group" || s == "apart" {
		return mysqltest.Name(s)
	}
	return mysqltest.Text(s) + "@'%'"
}

func spellings() collectortest.SQL {
	return collectortest.SQL{
		CreateUser: func(s string) string { return "CREATE USER " + grantee(s) },
		CreateRole: func(s string) string { return "CREATE ROLE " + mysqltest.Name(s) },
		ExpireUser: func(s string) string {
			return `UPDATE mysql.global_priv SET Priv = JSON_SET(Priv, '$.password_last_changed',
				UNIX_TIMESTAMP('2001-02-02 00:00:00'), '$.password_lifetime', 1) WHERE User = ` + mysqltest.Text(s)
		},
		GrantRole: func(role, member string) string { return "GRANT " + mysqltest.Name(role) + " TO " + grantee(member) },
		GrantAdmin: func(role, member string) string {
			return "GRANT " + mysqltest.Name(role) + " TO " + grantee(member) + " WITH ADMIN OPTION"
		},
		CreateDatabase: func(s string) string { return "CREATE DATABASE " + mysqltest.Name(s) },
		CreateTable: func(schema, table string) []string {
			return []string{"CREATE DATABASE " + mysqltest.Name(schema), "CREATE TABLE " + mysqltest.Name(schema) + "." + mysqltest.Name(table) + " (id int) ENGINE=Aria"}
		},
		GrantSelect: func(schema, table, user string) string {
			return "GRANT SELECT ON " + mysqltest.Name(schema) + "." + mysqltest.Name(table) + " TO " + grantee(user)
		},
		Forbid: func(string, string) string { return "DO 0" }, // it never could
		ManyUsers: func(n int) string {
			return `INSERT INTO mysql.global_priv SELECT '%', concat('many_', seq),
				'{"access":1,"version_id":101100,"plugin":"mysql_native_password","password_last_changed":1700000000,"max_user_connections":3}'
				FROM mysql.seq_1_to_` + strconv.Itoa(n)
		},
		HidesDatabases: true,
		Takes:          takes,
		NameBytes:      64,
	}
}

// takes: names of tables are in the basic plane; names of accounts are compared
// without regard to what collations fold.
func takes(s string) bool {
	for _, r := range s {
		if utf8.RuneLen(r) > 3 {
			return false
		}
	}
	return true
}
