package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
)

func TestFireMakesASessionOfTheSchedule(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, func(s *schedule.Schedule) { s.MaxAttempts = 2 })
	due := b.dueSince(t, s, 5*time.Second)
	f := b.fire(t, schedule.Started)
	if !f.Time.Equal(due) || f.Late || f.Trigger != schedule.ByCron || f.CreatedBy != nil || f.Reason != "" {
		t.Errorf("fire %+v", f)
	}
	got := b.session(t, *f.Session)
	if got.Type != session.Scheduled || got.CreatedBy != nil || *got.Schedule != s.ID || got.MaxAttempts != 2 || got.Total != 1 || got.Status != session.Running {
		t.Errorf("session %+v", got)
	}
	if next := b.schedule(t, s.ID).NextFire; !next.Equal(*s.NextFire) {
		t.Errorf("next fire %s, want %s", next, s.NextFire)
	}
	if done, err := b.FireDue(t.Context(), nil); err != nil || done.Schedule != 0 {
		t.Errorf("fired again: %+v, %v", done, err)
	}
	b.sound(t)
}

func TestHistorySaysWhatAStopMissed(t *testing.T) {
	t.Parallel()
	for catchUp, want := range map[schedule.CatchUp]string{
		schedule.CatchUpSkip: "missed missed missed missed",
		schedule.CatchUpOnce: "missed missed missed started",
	} {
		t.Run(string(catchUp), func(t *testing.T) {
			t.Parallel()
			b := newSchedules(t)
			s := b.nightly(t, func(s *schedule.Schedule) { s.CatchUp = catchUp })
			// It stopped three and a half days before the coming fire.
			b.sql(t, `UPDATE schedules SET cron = to_char(now() - interval '12 h', '"0" HH24 "* * *"'),
				next_fire_at = date_trunc('hour', now() - interval '12 h') - interval '3 day' WHERE id = $1`, s.ID)
			first := *b.schedule(t, s.ID).NextFire
			fires, err := drain(t.Context(), b.Store)
			if err != nil {
				t.Fatal(err)
			}
			if got := b.outcomes(t, s.ID); got != want || len(fires) != 4 {
				t.Errorf("history %s, want %s", got, want)
			}
			for i, f := range b.history(t, s.ID) {
				if !f.Time.Equal(first.AddDate(0, 0, i)) || f.MissedFrom != nil {
					t.Errorf("line %d: %+v", i, f)
				}
				if late := f.Outcome == schedule.Started; f.Late != late || !late && (f.Reason == "" || f.MissedCount != 1) {
					t.Errorf("line %d: %+v", i, f)
				}
			}
			b.sound(t)
		})
	}
}

func TestLongStopIsSummedUp(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, func(s *schedule.Schedule) { s.Cron = "* * * * *" })
	b.sql(t, `UPDATE schedules SET next_fire_at = date_trunc('minute', now()) - interval '3 day'`)
	first := *b.schedule(t, s.ID).NextFire
	done, err := b.FireDue(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(done.Fires) > schedule.MaxMissed+2 {
		t.Errorf("%d lines", len(done.Fires))
	}
	sum, told := done.Fires[0], 0
	for _, f := range done.Fires {
		told += f.Count()
	}
	if sum.MissedFrom == nil || !sum.MissedFrom.Equal(first) || sum.MissedCount < 3000 || !sum.Time.Equal(first.Add(time.Duration(sum.MissedCount-1)*time.Minute)) {
		t.Errorf("summed up %+v", sum)
	}
	if want := 3*24*60 + 1; told < want || told > want+1 {
		t.Errorf("%d times told, want %d", told, want)
	}
	b.sound(t)
}

func TestEmptySelectionMakesACompletedSession(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	b.sql(t, `UPDATE instances SET active = false`)
	f := b.fireDue(t, s, schedule.Started)
	got := b.session(t, *f.Session)
	if got.Status != session.Completed || got.Result != session.Succeeded || got.Reason != session.ReasonEmpty || got.Total != 0 || got.CompletedAt == nil {
		t.Errorf("session %+v", got)
	}
	b.fireDue(t, s, schedule.Started) // it is in nobody's way
	b.sound(t)
}

func TestSelectedInstancesThatAreGoneAreLeftOut(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	more := b.instances(t, 2)
	s := b.nightly(t, func(s *schedule.Schedule) { s.Selector.IDs = append(more, b.target) })
	b.sql(t, `UPDATE instances SET active = false WHERE id = $1`, more[0])
	b.sql(t, `UPDATE instances SET active = false, deleted_at = now() WHERE id = $1`, more[1])
	f := b.fireDue(t, s, schedule.Started)
	if got := b.session(t, *f.Session); got.Total != 1 {
		t.Errorf("session %+v", got)
	}
}

func TestSessionOfNothingButSkippedRecordsEnds(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	b.sql(t, `UPDATE instances SET engine = 'oracle'`)
	f := b.fireDue(t, s, schedule.Started)
	if n, err := b.FinishSessions(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d ended, %v", n, err)
	}
	if got := b.session(t, *f.Session); got.Status != session.Completed || got.Counts.Skipped != 1 {
		t.Errorf("session %+v", got)
	}
	b.sound(t)
}

func TestFailedTransactionLeavesNothing(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	due := b.dueSince(t, s, time.Second)
	// The process dies, or Postgres does, when all but the commit is done.
	b.sql(t, `CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'gone' USING ERRCODE = '57P01'; END $$`)
	b.sql(t, `CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON schedules DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()`)
	done, err := b.FireDue(t.Context(), nil)
	if !errors.Is(err, session.ErrAway) || done.Schedule != s.ID || len(done.Fires) != 0 {
		t.Fatalf("fired %+v, %v", done, err)
	}
	if n := value[int](t, b.pool, `SELECT (SELECT count(*) FROM sync_sessions) + (SELECT count(*) FROM schedule_fires) + (SELECT count(*) FROM sync_instance_records)`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	b.sql(t, `DROP TRIGGER die ON schedules`)
	if f := b.fire(t, schedule.Started); !f.Time.Equal(due) {
		t.Errorf("fired %+v", f)
	}
	b.sound(t)
}

// A statement that took too long is a matter of this schedule, and is tried again.
func TestFireThatTakesTooLongLeavesNothingAndStopsNobody(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	b.dueSince(t, s, time.Second)
	b.sql(t, `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'slow' USING ERRCODE = '57014'; END $$`)
	b.sql(t, `CREATE TRIGGER slow BEFORE INSERT ON sync_sessions FOR EACH ROW EXECUTE FUNCTION slow()`)
	done, err := b.FireDue(t.Context(), nil)
	if err == nil || errors.Is(err, session.ErrAway) || done.Schedule != s.ID || len(done.Fires) != 0 {
		t.Fatalf("fired %+v, %v", done, err)
	}
	b.sql(t, `DROP TRIGGER slow ON sync_sessions`)
	b.fire(t, schedule.Started)
	b.sound(t)
}

func TestFaultThatWillNotPassIsToldOnce(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	other := b.nightly(t, func(s *schedule.Schedule) { s.Name = "other" })
	b.sql(t, `ALTER TABLE sync_sessions ADD CHECK (schedule_id <> `+fmt.Sprint(s.ID)+`)`)
	b.dueSince(t, s, time.Second)
	done, err := b.FireDue(t.Context(), nil)
	if err != nil || done.Fault == nil || len(done.Fires) != 1 || done.Fires[0].Outcome != schedule.Failed || !strings.Contains(done.Fires[0].Reason, "internal error") {
		t.Fatalf("fired %+v, %v", done, err)
	}
	if done, err := b.FireDue(t.Context(), nil); err != nil || done.Schedule != 0 {
		t.Errorf("tried again: %+v, %v", done, err)
	}
	b.fireDue(t, other, schedule.Started)
	b.sound(t)
}

func TestScheduleThatCannotBeUnderstoodIsPaused(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"zone":     `UPDATE schedules SET time_zone = 'Gone/Away'`,
		"selector": `UPDATE schedules SET selector = '[]'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSchedules(t)
			s := b.nightly(t, nil)
			b.dueSince(t, s, time.Second)
			b.sql(t, damage)
			done, err := b.FireDue(t.Context(), nil)
			if err != nil || !done.Paused || done.Fault == nil || len(done.Fires) != 1 || !strings.HasPrefix(done.Fires[0].Reason, "paused: ") {
				t.Fatalf("fired %+v, %v", done, err)
			}
			if n := value[int](t, b.pool, `SELECT count(*) FROM schedules WHERE paused_at IS NOT NULL`); n != 1 {
				t.Error("it is not paused")
			}
		})
	}
}

func TestSchedulePassedByIsNotTaken(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	b.dueSince(t, s, time.Second)
	if done, err := b.FireDue(t.Context(), []schedule.ID{s.ID}); err != nil || done.Schedule != 0 {
		t.Errorf("fired %+v, %v", done, err)
	}
	b.fire(t, schedule.Started)
}
