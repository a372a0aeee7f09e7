package store

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
)

// manySessions adds n running sessions, each with a record of every instance.
func (b *fleetBundle) manySessions(t *testing.T, n int) {
	t.Helper()
	b.sql(t, `ALTER TABLE sync_instance_records DISABLE TRIGGER ALL`) // the look-ups of foreign keys
	b.sql(t, `INSERT INTO sync_sessions (session_id, sync_type, deadline_at, total_instances)
		SELECT gen_random_uuid(), 'scheduled', now() + interval '6 h', 1 FROM generate_series(1, $1)`, n)
	b.sql(t, `INSERT INTO sync_instance_records (session_id, instance_id, instance_name, host_key, credential_id)
		SELECT s.session_id, i.id, i.name, i.host_key, i.credential_id FROM sync_sessions s, instances i`)
	b.sql(t, `ALTER TABLE sync_instance_records ENABLE TRIGGER ALL`)
	b.sql(t, `VACUUM ANALYZE`)
}

// A round every 50 ms must not cost more the more sessions are open.
func TestDispatchLooksAtNoMoreForManySessions(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.instances(t, 60)
	b.manySessions(t, 1000)
	e := &explainer{options: "ANALYZE, TIMING OFF, "}
	err := inMode(t.Context(), b.pool, "force_generic_plan", func(tx pgx.Tx) error {
		e.tx = tx
		_, err := dbq.New(e).TakeDue(t.Context(), takeDueParams())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	looked := 0.0
	e.plan.walk(func(n planNode) {
		if n.Relation == "sync_instance_records" {
			looked += n.Actual * n.Loops
		}
	})
	if looked > 25_000 { // twenty of each session, the probe, and what is taken
		t.Errorf("looked at %.0f records of 60,000", looked)
	}
	t.Logf("looked at %.0f records", looked)
}

// Sessions that have nothing due take nothing from those that have.
func TestDispatchSharesAmongSessionsWithSomethingDue(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.workerOf(t, 100, "account")
	b.instances(t, 1)
	b.manySessions(t, 500)
	b.sql(t, `UPDATE sync_instance_records SET due_at = now() + interval '1 h', dispatch_key = 1 + EXTRACT(epoch FROM now() + interval '1 h') / 1e11`)
	b.prove(t, b.start(t, b.instances(t, 400)...))
	if tickets := b.dispatch(t); len(tickets) != 300 {
		t.Errorf("dispatched %d, want the whole window", len(tickets))
	}
}
