package testdb

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/dbfleet/dbfleet/internal/localsvc"
)

// Redis starts a Redis server for this test alone; it takes some 30 ms. The
// queue's keys have fixed names, so tests cannot share one. It is stopped at
// the end of the test.
func Redis(t testing.TB) *localsvc.Redis {
	t.Helper()
	return RedisWith(t, localsvc.RedisOptions{})
}

// RedisWith is Redis with options; it fills in Dir.
func RedisWith(t testing.TB, opts localsvc.RedisOptions) *localsvc.Redis {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	opts.Dir = filepath.Join(t.TempDir(), "redis")
	r, err := localsvc.StartRedis(ctx, opts)
	if err != nil {
		t.Fatalf("the test's Redis: %v", err)
	}
	t.Cleanup(func() { stop(t, r) })
	return r
}

// Target starts a Postgres server for this test alone, to be read as a target
// or to be restarted, paused and locked down; it takes about half a second.
// It fills in Dir and Fast. URL gives the superuser's connection string; the
// server is empty. It is stopped at the end of the test.
func Target(t testing.TB, opts localsvc.PostgresOptions) *localsvc.Postgres {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	opts.Dir, opts.Fast = filepath.Join(t.TempDir(), "target"), true
	p, err := localsvc.StartPostgres(ctx, opts)
	if err != nil {
		t.Fatalf("the test's target server: %v", err)
	}
	t.Cleanup(func() { stop(t, p) })
	return p
}

// Server is Target with a database dbfleet that has DBFleet's schema, for
// tests that restart or pause DBFleet's own server. It returns the server and
// the URL of the database.
func Server(t testing.TB, opts localsvc.PostgresOptions) (*localsvc.Postgres, string) {
	t.Helper()
	const database = "dbfleet"
	p := Target(t, opts)
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	if err := exec(ctx, p.URL(""), "CREATE DATABASE "+quote(database)); err != nil {
		t.Fatalf("create database: %v", err)
	}
	if err := Migrate(ctx, p.URL(database)); err != nil {
		t.Fatal(err)
	}
	return p, p.URL(database)
}

func stop(t testing.TB, server interface {
	Stop(ctx context.Context) error
},
) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	if err := server.Stop(ctx); err != nil {
		t.Errorf("stop the test's server: %v", err)
	}
}

// MariaDB starts a MariaDB server for this test alone, to be read as a target;
// it takes a few seconds. It fills in Dir. It is stopped at the end of the test.
func MariaDB(t testing.TB, opts localsvc.MariaDBOptions) *localsvc.MariaDB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	opts.Dir = filepath.Join(t.TempDir(), "mariadb")
	m, err := localsvc.StartMariaDB(ctx, opts)
	if err != nil {
		t.Fatalf("the test's MariaDB: %v", err)
	}
	t.Cleanup(func() { stop(t, m) })
	return m
}
