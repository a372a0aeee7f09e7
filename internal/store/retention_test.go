package store

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
)

// aged stores an ended session of one completed record per instance, as old as
// that, as if it had run then.
func (b *fleetBundle) aged(t *testing.T, ago time.Duration, ids ...fleet.InstanceID) session.ID {
	t.Helper()
	id := uuid.New()
	b.sql(t, `INSERT INTO sync_sessions (session_id, sync_type, started_at, deadline_at, status, result, completed_at, total_instances, successful_instances)
		VALUES ($1, 'manual_batch', now() - $2::interval, now(), 'completed', 'succeeded', now() - $2::interval, $3, $3)`, id, ago, len(ids))
	b.sql(t, `INSERT INTO sync_instance_records (session_id, instance_id, instance_name, status, host_key, credential_id, attempt, gen, completed_at)
		SELECT $1, i.id, i.name, 'completed', i.host_key, i.credential_id, 1, 1, now() - $2::interval FROM instances i WHERE i.id = ANY ($3)`, id, ago, ids)
	b.sql(t, `INSERT INTO last_syncs (instance_id, sync_category, record_id, session_id, synced_at, partial)
		SELECT instance_id, sync_category, id, session_id, completed_at, partial FROM sync_instance_records WHERE session_id = $1
		ON CONFLICT (instance_id, sync_category) DO UPDATE
		SET record_id = excluded.record_id, session_id = excluded.session_id, synced_at = excluded.synced_at`, id)
	return id
}

const days = 24 * time.Hour

func (b *fleetBundle) sound(t *testing.T) {
	t.Helper()
	broken, err := b.Violations(t.Context())
	if err != nil || len(broken) > 0 {
		t.Errorf("broken: %v %v", broken, err)
	}
}

func TestOldSessionsGoWithTheirRecords(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	ids := b.instances(t, 3)
	b.aged(t, 500*days, ids...)
	b.aged(t, 450*days, ids[0])
	kept := b.aged(t, 399*days, ids[0])
	open := b.start(t, ids...)
	b.sql(t, `UPDATE sync_sessions SET started_at = now() - interval '600 days' WHERE session_id = $1`, open)
	for i, want := range []int{3, 1} {
		if n, found, err := b.DeleteOldSession(t.Context(), 400); err != nil || !found || n != want {
			t.Fatalf("%d: %d records, %v, %v", i, n, found, err)
		}
	}
	if _, found, err := b.DeleteOldSession(t.Context(), 400); err != nil || found {
		t.Errorf("found one more: %v", err)
	}
	left := values[session.ID](t, b.pool, `SELECT session_id FROM sync_sessions ORDER BY id`)
	if !slices.Equal(left, []session.ID{kept, open}) {
		t.Errorf("left: %v", left)
	}
	if n := value[int](t, b.pool, `SELECT count(*) FROM sync_instance_records`); n != 4 {
		t.Errorf("%d records are left", n)
	}
	b.sound(t)
	in, err := b.Instance(t.Context(), ids[1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.UpdateInstance(t.Context(), in.ID, fleet.InstanceChange{Engine: pointerTo(fleet.MySQL)}); err == nil {
		t.Error("the engine of an instance that was synced long ago can be changed")
	}
}

func pointerTo[T any](v T) *T { return &v }

func TestPurgersBesideEachOtherDeleteEachSessionOnce(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	ids := b.instances(t, 1)
	for range 12 {
		b.aged(t, 500*days, ids...)
	}
	var deleted [4]int
	var purgers sync.WaitGroup
	for i := range deleted {
		purgers.Go(func() {
			for range 12 {
				_, found, err := b.DeleteOldSession(t.Context(), 400)
				if err != nil {
					t.Errorf("delete: %v", err)
				}
				if found {
					deleted[i]++
				}
			}
		})
	}
	purgers.Wait()
	if sum := deleted[0] + deleted[1] + deleted[2] + deleted[3]; sum != 12 {
		t.Errorf("deleted %v, 12 in all", deleted)
	}
}

func TestOldFiresGoAndTheOnesOfSessionsGoWithThem(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, func(s *schedule.Schedule) { s.Overlap = schedule.OverlapQueue })
	started := b.fireDue(t, s, schedule.Started)
	b.fireDue(t, s, schedule.Queued)
	b.sql(t, `INSERT INTO schedule_fires (schedule_id, fire_time, trigger, outcome, missed_count)
		SELECT $1, now() - n * interval '1 day', 'cron', 'missed', 1 FROM generate_series(10, 109) n`, s.ID)
	paused := b.nightly(t, func(s *schedule.Schedule) { s.Name = "paused by a fault" })
	b.sql(t, `INSERT INTO schedule_fires (schedule_id, fire_time, trigger, outcome) VALUES ($1, now() - interval '100 days', 'cron', 'failed')`, paused.ID)
	b.sql(t, `UPDATE schedule_fires SET created_at = CASE WHEN outcome = 'missed' THEN fire_time ELSE now() - interval '100 days' END`)
	b.sql(t, `UPDATE schedules SET paused_at = now() - interval '100 days', next_fire_at = NULL WHERE id = $1`, paused.ID)
	b.sql(t, `UPDATE schedules SET paused_at = (SELECT created_at FROM schedule_fires WHERE schedule_id = $1) WHERE id = $1`, paused.ID)

	if n, err := b.DeleteOldFires(t.Context(), 90); err != nil || n != 20 {
		t.Errorf("deleted %d, %v; want those of the days 90 to 109", n, err)
	}
	left := value[string](t, b.pool, `SELECT string_agg(outcome || ' ' || lines, ', ' ORDER BY outcome)
		FROM (SELECT outcome, count(*) AS lines FROM schedule_fires GROUP BY outcome) o`)
	if want := "failed 1, missed 80, queued 1, started 1"; left != want {
		t.Errorf("left: %s, want %s", left, want)
	}
	b.sound(t)

	b.end(t, *started.Session)
	b.sql(t, `ALTER TABLE sync_sessions DISABLE TRIGGER sync_sessions_terminal`)
	b.sql(t, `UPDATE sync_sessions SET started_at = now() - interval '500 days', completed_at = now() - interval '500 days'`)
	if _, found, err := b.DeleteOldSession(t.Context(), 400); err != nil || !found {
		t.Fatalf("old session: %v, %v", found, err)
	}
	if n := value[int](t, b.pool, `SELECT count(*) FROM schedule_fires WHERE outcome = 'started'`); n != 0 {
		t.Errorf("the fire of a deleted session is left")
	}
	b.sound(t)
}

func TestOldMonthsOfTheAuditTrailAreDropped(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.sql(t, `SELECT ensure_month('audit_events', now() - m * interval '1 month') FROM generate_series(1, 4) m`)
	b.sql(t, `INSERT INTO audit_events (at, action, outcome) SELECT now() - m * interval '1 month', 'x', 'done' FROM generate_series(1, 4) m`)
	month := value[string](t, b.pool, `SELECT to_char(now() AT TIME ZONE 'UTC' - interval '4 months', '"audit_events_"YYYYMM')`)
	if dropped, err := b.DropAuditMonth(t.Context(), 3); err != nil || dropped != month {
		t.Errorf("dropped %q, %v; want %s", dropped, err, month)
	}
	if dropped, err := b.DropAuditMonth(t.Context(), 3); err != nil || dropped != "" {
		t.Errorf("dropped %q, %v", dropped, err)
	}
	if n := value[int](t, b.pool, `SELECT count(*) FROM audit_events WHERE action = 'x'`); n != 3 {
		t.Errorf("%d events are left", n)
	}
	if object := value[string](t, b.pool, `SELECT object_id FROM audit_events WHERE action = 'audit.drop_month'`); object != month {
		t.Errorf("audited %s", object)
	}
}
