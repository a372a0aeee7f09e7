package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

func TestTimedOutKnowsAStatementThatPostgresGaveUp(t *testing.T) {
	t.Parallel()
	pool := testdb.Postgres(t)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), "SET LOCAL statement_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	_, err = tx.Exec(t.Context(), "SELECT pg_sleep(60)")
	if !store.TimedOut(fmt.Errorf("list: %w", err)) || store.Busy(err) {
		t.Errorf("a slow statement: %v", err)
	}
}

func TestStatementsThatFailBesideOthers(t *testing.T) {
	t.Parallel()
	for code, want := range map[string][2]bool{ // timed out, busy
		"55P03": {true, false}, "57014": {true, false}, "40P01": {false, true}, "40001": {false, true}, "53100": {false, true},
		"57P01": {false, false}, "23505": {false, false}, "22021": {false, false},
	} {
		err := fmt.Errorf("store: %w", &pgconn.PgError{Code: code})
		if got := [2]bool{store.TimedOut(err), store.Busy(err)}; got != want {
			t.Errorf("%s: %v", code, got)
		}
	}
	if store.TimedOut(nil) || store.TimedOut(context.DeadlineExceeded) || store.Busy(nil) {
		t.Error("what Postgres did not say")
	}
}
