package testdb_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/testdb"
	"github.com/dbfleet/dbfleet/migrations"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func TestPostgresHasSchema(t *testing.T) {
	t.Parallel()
	pool := testdb.Postgres(t)
	want, err := migrations.Latest()
	if err != nil {
		t.Fatal(err)
	}
	var got int64
	query := "SELECT max(version_id) FROM goose_db_version"
	if err := pool.QueryRow(t.Context(), query).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("schema version %d, want %d", got, want)
	}
}

func TestPostgresIsPrivateToTheTest(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "two", "Hostile'; DROP \"name"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := testdb.Postgres(t)
			if _, err := pool.Exec(t.Context(), "CREATE TABLE mine (n int)"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPostgresIsDroppedAfterTheTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("user", func(t *testing.T) {
		name = testdb.Postgres(t).Config().ConnConfig.Database
	})
	var left int
	query := "SELECT count(*) FROM pg_database WHERE datname = $1"
	if err := testdb.Empty(t).QueryRow(t.Context(), query, name).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left != 0 {
		t.Errorf("database %s is still there", name)
	}
}

func TestEmptyHasNoTables(t *testing.T) {
	t.Parallel()
	var tables int
	query := "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
	if err := testdb.Empty(t).QueryRow(t.Context(), query).Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if tables != 0 {
		t.Errorf("%d tables, want none", tables)
	}
}

func TestServerSurvivesRestartWithSchema(t *testing.T) {
	t.Parallel()
	server, dsn := testdb.Server(t, localsvc.PostgresOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var versions int
	if err := pool.QueryRow(ctx, "SELECT count(*) FROM goose_db_version").Scan(&versions); err != nil {
		t.Fatal(err)
	}
	if versions == 0 {
		t.Error("the schema is gone")
	}
}

func TestRedisIsStarted(t *testing.T) {
	t.Parallel()
	if one, two := testdb.Redis(t), testdb.Redis(t); one.Addr() == two.Addr() {
		t.Errorf("both servers are at %s", one.Addr())
	}
}
