package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/user"
)

// A filter that selects little must not read the whole trail.
func TestAuditFiltersReadLittleOfALongTrail(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	newest := b.trail(t)
	_, err := b.pool.Exec(t.Context(), `
		INSERT INTO audit_events (at, user_id, user_name, action, object_type, object_id, outcome)
		SELECT $1::timestamptz - d * interval '40 seconds', 1 + d % 50, 'u', 'instance.update', 'instance', (d % 1000)::text, 'done'
		FROM generate_series(0, 100000) AS d`, newest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.Exec(t.Context(), `ANALYZE audit_events`); err != nil {
		t.Fatal(err)
	}
	one := b.pool.Config().Copy()
	one.MaxConns = 1 // one connection, so that one plan is used again and again
	pool, err := pgxpool.NewWithConfig(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	trail := &bundle{Store: store.New(pool), pool: pool}
	before := trail.eventsRead(t)
	for range 10 { // a prepared statement may change its plan after five
		for _, f := range []user.EventFilter{
			{ObjectType: pointer("instance"), ObjectID: pointer("12")},
			{User: pointer(user.ID(7))},
			{},
			{Action: pointer("no.such")},
			{Outcome: pointer(user.Denied)},
			{User: pointer(user.ID(4711))},
		} {
			if _, _, err := trail.AuditEvents(t.Context(), f, 50, user.EventPlace{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	const most = 20_000 // of sixty calls; one that reads everything has five times as many
	if read := trail.eventsRead(t) - before; read > most {
		t.Errorf("%d events were read", read)
	}
}

// eventsRead is how many rows of the trail were looked at until now.
func (b *bundle) eventsRead(t *testing.T) int64 {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), `SELECT pg_stat_force_next_flush()`); err != nil {
		t.Fatal(err)
	}
	return row[int64](t, b, `
		SELECT COALESCE(sum(seq_tup_read + COALESCE(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_user_tables WHERE relname LIKE 'audit_events_%'`)
}
