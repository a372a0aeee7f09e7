package localsvc

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func startMariaDB(t *testing.T, opts MariaDBOptions) *MariaDB {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = filepath.Join(t.TempDir(), "maria")
	}
	m, err := StartMariaDB(within(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, m.server) })
	return m
}

func openMariaDB(t *testing.T, config *mysql.Config) *sql.DB {
	t.Helper()
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// The path is longer than a socket's may be, and only we can enter it.
func TestMariaDBRestartKeepsPortAndData(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed", strings.Repeat("long", 30))
	if err := os.MkdirAll(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	m := startMariaDB(t, MariaDBOptions{Dir: filepath.Join(closed, "maria"), Settings: map[string]string{"max-connections": "33"}})
	ctx := within(t)
	if err := m.Exec(ctx, "", "CREATE DATABASE kept", "CREATE TABLE kept.t ENGINE=Aria SELECT 7 AS n"); err != nil {
		t.Fatal(err)
	}
	before := m.Addr()
	if err := m.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if m.Addr() != before {
		t.Errorf("address %s after the restart, %s before", m.Addr(), before)
	}
	var n, most int
	err := openMariaDB(t, m.Config("kept")).QueryRowContext(ctx, "SELECT n, @@max_connections FROM t").Scan(&n, &most)
	if err != nil || n != 7 || most != 33 {
		t.Errorf("n = %d, max_connections = %d, %v; want 7, 33", n, most, err)
	}
}

func TestMariaDBPausesAndLetsNobodyInWithoutThePassword(t *testing.T) {
	t.Parallel()
	m := startMariaDB(t, MariaDBOptions{})
	for name, password := range map[string]string{"none": "", "a wrong one": "x"} {
		if err := openMariaDB(t, m.ConfigFor("root", password, "")).PingContext(within(t)); err == nil {
			t.Errorf("password %s: let in", name)
		}
	}
	var roots int
	err := openMariaDB(t, m.Config("mysql")).QueryRowContext(within(t), "SELECT count(*) FROM user WHERE User <> 'mariadb.sys'").Scan(&roots)
	if err != nil || roots != 1 {
		t.Errorf("%d accounts, %v; want root@localhost only", roots, err)
	}
	if err := m.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), askTimeout/10)
	defer cancel()
	if err := openMariaDB(t, m.Config("")).PingContext(ctx); err == nil {
		t.Error("answered while paused")
	}
	m.Resume()
	if err := openMariaDB(t, m.Config("")).PingContext(within(t)); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}
