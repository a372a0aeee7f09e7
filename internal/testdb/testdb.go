// Package testdb gives tests their own databases on private servers: Postgres
// with DBFleet's schema, Redis, and Postgres servers that play a target.
//
// The first test of a process that asks starts one Postgres server, applies
// the migrations once to a template, and every test gets a copy of it that is
// dropped at its end; so tests run in parallel. Servers are started from the
// installed binaries (see package localsvc). A server that cannot be started
// fails the test, which never skips: a green run has run everything.
//
// A package whose tests call Postgres or Empty ends the shared server in its
// TestMain:
//
//	func TestMain(m *testing.M) { testdb.Main(m) }
//
// With DBFLEET_TEST_POSTGRES set to the URL of a superuser, that server is
// used instead, and none is started.
package testdb

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Env names the variable with the URL of a server to use instead of our own.
const Env = "DBFLEET_TEST_POSTGRES"

// setupTimeout bounds everything that a helper does before the test goes on;
// it leaves room for the installation of packages.
const setupTimeout = 20 * time.Minute

// cleanupTimeout bounds what a helper does after a test.
const cleanupTimeout = 30 * time.Second

// Postgres returns a pool on a new database with DBFleet's schema, for this
// test alone. Its URL is pool.Config().ConnString(). The pool is closed and
// the database dropped at the end of the test.
func Postgres(t testing.TB) *pgxpool.Pool {
	t.Helper()
	s := sharedServer(t)
	return newDatabase(t, s.superuser, s.template)
}

// Empty returns a pool on a new database without any schema, for tests of the
// migrations themselves. Otherwise it is like Postgres.
func Empty(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return newDatabase(t, sharedServer(t).superuser, "template1")
}

// newDatabase copies the template on the server of the superuser's URL.
func newDatabase(t testing.TB, superuser, template string) *pgxpool.Pool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	name := databaseName(t)
	if err := exec(ctx, superuser, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", quote(name), quote(template))); err != nil {
		t.Fatalf("create the test's database: %v", err)
	}
	t.Cleanup(func() { dropDatabase(t, superuser, name) })
	pool, err := pgxpool.New(ctx, withDatabase(superuser, name))
	if err != nil {
		t.Fatalf("open pool: %v", err)
	}
	t.Cleanup(func() { closePool(t, pool) })
	return pool
}

func dropDatabase(t testing.TB, superuser, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	if err := exec(ctx, superuser, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", quote(name))); err != nil {
		t.Logf("drop the test's database: %v", err) // the server is private and goes away
	}
}

// closePool fails a test that has kept a connection, instead of hanging in it.
func closePool(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		pool.Close()
	}()
	select {
	case <-closed:
	case <-time.After(cleanupTimeout):
		t.Errorf("the test kept %d connections of its pool", pool.Stat().AcquiredConns())
	}
}

// exec runs one statement on a connection of its own.
func exec(ctx context.Context, dsn, statement string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// databaseName is unique on the server and tells which test it belongs to.
func databaseName(t testing.TB) string {
	t.Helper()
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, t.Name())
	const most = 40 // of 63 that Postgres keeps
	return fmt.Sprintf("t_%s_%s", clean[:min(len(clean), most)], unique())
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// withDatabase returns the URL for another database of the same server.
func withDatabase(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn // connecting will say so
	}
	u.Path = "/" + name
	return u.String()
}
