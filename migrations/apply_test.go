package migrations_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/dbfleet/dbfleet/internal/testdb"
	"github.com/dbfleet/dbfleet/migrations"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func TestUpRefusesASchemaOfTheFuture(t *testing.T) {
	t.Parallel()
	pool := testdb.Postgres(t)
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	if done, err := migrations.Up(t.Context(), db); err != nil || len(done) != 0 {
		t.Fatalf("a second time: %v %v", done, err)
	}
	if _, err := pool.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)"); err != nil {
		t.Fatal(err)
	}
	if _, err := migrations.Up(t.Context(), db); !errors.Is(err, migrations.ErrNewer) {
		t.Errorf("a newer schema: %v", err)
	}
}
