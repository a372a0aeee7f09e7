package store

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// takeLease reports whether holder has the lease of the name after the call.
func (b *fleetBundle) takeLease(t *testing.T, name string, holder uuid.UUID) bool {
	t.Helper()
	mine, err := b.TakeLease(t.Context(), name, holder, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return mine
}

func TestLeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	holders := make([]uuid.UUID, 20)
	got := make([]bool, len(holders))
	var racers sync.WaitGroup
	for i := range holders {
		holders[i] = uuid.New()
		racers.Go(func() { got[i] = b.takeLease(t, "census", holders[i]) })
	}
	racers.Wait()
	winners := 0
	for i, mine := range got {
		if mine {
			winners++
		}
		if again := b.takeLease(t, "census", holders[i]); again != mine {
			t.Errorf("holder %v, asked again %v", mine, again)
		}
	}
	if winners != 1 {
		t.Errorf("%d hold the lease", winners)
	}
	if !b.takeLease(t, "other", uuid.New()) {
		t.Error("a lease of another name is taken")
	}
	b.sql(t, `UPDATE leases SET lease_until = now() - interval '1 ms'`)
	if !b.takeLease(t, "census", uuid.New()) {
		t.Error("a lease that is over cannot be taken")
	}
}

// census returns the figures of the account category.
func (b *fleetBundle) census(t *testing.T) session.Census {
	t.Helper()
	list, err := b.Census(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(session.Categories()) {
		t.Fatalf("%d categories", len(list))
	}
	return list[0]
}

func TestCensusCountsOpenSessions(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	empty := b.census(t)
	if empty.Category != session.Account || empty.Due != 0 || empty.Instances != 0 || len(empty.Records) != len(session.RecordStatuses()) {
		t.Errorf("census of nothing %+v", empty)
	}
	b.worker(t)
	id := b.start(t, b.instances(t, 10)...)
	ended := b.start(t, b.instances(t, 1)...)
	b.sql(t, `UPDATE sync_instance_records SET status = 'cancelled', completed_at = now() WHERE session_id = $1`, ended)
	b.sql(t, `UPDATE sync_sessions SET status = 'completed', result = 'cancelled', completed_at = now(), cancelled_instances = 1 WHERE session_id = $1`, ended)
	b.sql(t, `WITH picked AS (SELECT id FROM sync_instance_records WHERE session_id = $1 ORDER BY id LIMIT 3)
		UPDATE sync_instance_records r SET due_at = now() + interval '1 hour' FROM picked WHERE r.id = picked.id`, id)
	b.sql(t, `WITH picked AS (SELECT id FROM sync_instance_records WHERE session_id = $1 ORDER BY id DESC LIMIT 1)
		UPDATE sync_instance_records r SET due_at = now() - interval '1 hour' FROM picked WHERE r.id = picked.id`, id)
	b.sql(t, `INSERT INTO last_syncs (instance_id, sync_category, record_id, session_id, synced_at, partial)
		SELECT instance_id, 'account', id, session_id, now() - interval '1 day' * row_number() OVER (ORDER BY id), false
		FROM sync_instance_records WHERE session_id = $1 ORDER BY id LIMIT 2`, id)
	b.sql(t, `UPDATE instances SET active = false WHERE id = (SELECT instance_id FROM sync_instance_records WHERE session_id = $1)`, ended)

	got := b.census(t)
	if got.Records[session.RecordPending] != 10 || got.Records[session.RecordCancelled] != 0 {
		t.Errorf("records %v, want 10 pending: those of ended sessions do not count", got.Records)
	}
	if got.Due != 7 || got.Oldest < time.Hour || got.Oldest > time.Hour+time.Minute {
		t.Errorf("due %d, oldest %s", got.Due, got.Oldest)
	}
	if got.Workers != 1 {
		t.Errorf("%d workers", got.Workers)
	}
	if got.Instances != 10 || got.NeverSynced != 8 {
		t.Errorf("%d instances, %d never synced", got.Instances, got.NeverSynced)
	}
	const day = 24 * time.Hour
	if got.Newest.Round(time.Hour) != day || got.Stalest.Round(time.Hour) != 2*day {
		t.Errorf("newest %s, stalest %s", got.Newest, got.Stalest)
	}
}

func TestUncheckedServersAreCountedByMode(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	ids := b.instances(t, 5)
	b.sql(t, `UPDATE instances SET tls_mode = 'disable' WHERE id = ANY ($1)`, ids[:3])
	b.sql(t, `UPDATE instances SET active = false WHERE id = $1`, ids[0])
	b.sql(t, `UPDATE instances SET deleted_at = now() WHERE id = $1`, ids[1])
	got, err := b.Unverified(t.Context())
	if err != nil || len(got) != 2 || got[fleet.TLSDisable] != 1 || got[fleet.TLSRequire] != 0 {
		t.Errorf("%v %v", got, err)
	}
}
