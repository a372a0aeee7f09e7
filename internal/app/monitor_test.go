package app

import (
	"log/slog"
	"testing"

	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

func TestAProcessThatWorksGoesOnWithANewerSchema(t *testing.T) {
	t.Parallel()
	pool := testdb.Postgres(t)
	newBase := func() *base {
		b := &base{pool: pool, store: store.New(pool)}
		b.gate = newGate(slog.New(slog.DiscardHandler), check{"postgres", b.checkSchema})
		return b
	}
	early, late := newBase(), newBase()
	if !early.gate.wait(t.Context()) {
		t.Fatal("the gate did not open")
	}
	if _, err := pool.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`); err != nil {
		t.Fatal(err)
	}
	ready := func(b *base) error { return b.health().Checks["postgres"](t.Context()) } // each with an answer of its own
	if err := ready(early); err != nil {
		t.Errorf("a newer schema: %v", err)
	}
	if err := ready(late); err == nil {
		t.Error("a process that starts takes a newer schema for its own")
	}
	if _, err := pool.Exec(t.Context(), `DELETE FROM goose_db_version WHERE version_id > 2`); err != nil {
		t.Fatal(err)
	}
	if err := ready(early); err == nil {
		t.Error("an older schema is no fault")
	}
}
