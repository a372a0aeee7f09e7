package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
)

func TestOverlapSkip(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	open := b.fireDue(t, s, schedule.Started)
	skipped := b.fireDue(t, s, schedule.Skipped)
	if !strings.Contains(skipped.Reason, open.Session.String()) || skipped.Session != nil {
		t.Errorf("skipped %+v", skipped)
	}
	b.end(t, *open.Session)
	b.fireDue(t, s, schedule.Started)
	b.sound(t)
}

func TestOverlapQueue(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, func(s *schedule.Schedule) { s.Overlap = schedule.OverlapQueue })
	open := b.fireDue(t, s, schedule.Started)
	queued := b.fireDue(t, s, schedule.Queued)
	if second := b.fireDue(t, s, schedule.Skipped); !strings.Contains(second.Reason, "waits already") {
		t.Errorf("second %+v", second)
	}
	if done, err := b.StartWaiting(t.Context(), nil); err != nil || len(done.Fires) != 0 {
		t.Fatalf("started too early: %+v, %v", done, err)
	}
	b.end(t, *open.Session)
	done, err := b.StartWaiting(t.Context(), nil)
	if err != nil || len(done.Fires) != 1 {
		t.Fatalf("started %+v, %v", done, err)
	}
	if f := done.Fires[0]; f.ID != queued.ID || f.Outcome != schedule.Started || !f.Time.Equal(queued.Time) || f.Reason != "" {
		t.Errorf("started %+v", f)
	}
	if got := b.outcomes(t, s.ID); got != "started started skipped" {
		t.Errorf("history %s", got)
	}
	b.sound(t)
}

// The queued fire goes first, even when the next time comes before anybody has
// started it.
func TestQueuedFireGoesBeforeTheNext(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, func(s *schedule.Schedule) { s.Overlap = schedule.OverlapQueue })
	open := b.fireDue(t, s, schedule.Started)
	queued := b.fireDue(t, s, schedule.Queued)
	b.end(t, *open.Session)
	b.dueSince(t, s, 0)
	done, err := b.FireDue(t.Context(), nil)
	if err != nil || len(done.Fires) != 2 || done.Fires[0].ID != queued.ID || done.Fires[0].Outcome != schedule.Started || done.Fires[1].Outcome != schedule.Queued {
		t.Errorf("fired %+v, %v", done, err)
	}
	b.sound(t)
}

func TestWaitingFireIsSkippedByAPauseAndByRemoval(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*scheduleBundle, schedule.ID) error{
		"paused":  func(b *scheduleBundle, id schedule.ID) error { return second(b.PauseSchedule(t.Context(), id)) },
		"removed": func(b *scheduleBundle, id schedule.ID) error { return b.DeleteSchedule(t.Context(), id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSchedules(t)
			s := b.nightly(t, func(s *schedule.Schedule) { s.Overlap = schedule.OverlapQueue })
			open := b.fireDue(t, s, schedule.Started)
			queued := b.fireDue(t, s, schedule.Queued)
			if err := stop(b, s.ID); err != nil {
				t.Fatal(err)
			}
			got := value[string](t, b.pool, `SELECT outcome || ': ' || reason FROM schedule_fires WHERE id = $1`, queued.ID)
			if got != "skipped: "+name+" before it fired" {
				t.Errorf("fire is %s", got)
			}
			b.end(t, *open.Session)
			if done, err := b.StartWaiting(t.Context(), nil); err != nil || done.Schedule != 0 {
				t.Errorf("started %+v, %v", done, err)
			}
			b.sound(t)
		})
	}
}

func TestQueuedFireThatCannotStartFails(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, func(s *schedule.Schedule) { s.Overlap = schedule.OverlapQueue })
	open := b.fireDue(t, s, schedule.Started)
	b.fireDue(t, s, schedule.Queued)
	b.end(t, *open.Session)
	b.sql(t, `ALTER TABLE sync_sessions ADD CHECK (schedule_id <> `+fmt.Sprint(s.ID)+`) NOT VALID`)
	done, err := b.StartWaiting(t.Context(), nil)
	if err != nil || done.Fault == nil || len(done.Fires) != 1 || done.Fires[0].Outcome != schedule.Failed {
		t.Fatalf("started %+v, %v", done, err)
	}
	if done, err := b.StartWaiting(t.Context(), nil); err != nil || done.Schedule != 0 {
		t.Errorf("tried again: %+v, %v", done, err)
	}
	b.sound(t)
}

func TestRunNow(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	f, err := b.RunSchedule(t.Context(), s.ID, 7)
	if err != nil || f.Outcome != schedule.Started || f.Trigger != schedule.ByHand || *f.CreatedBy != 7 {
		t.Fatalf("run %+v, %v", f, err)
	}
	if got := b.session(t, *f.Session); got.Type != session.ManualSingle || *got.CreatedBy != 7 || *got.Schedule != s.ID {
		t.Errorf("session %+v", got)
	}
	if _, err := b.RunSchedule(t.Context(), s.ID, 7); !errors.Is(err, schedule.ErrRunning) {
		t.Errorf("run again: %v", err)
	}
	b.fireDue(t, s, schedule.Skipped)
	if next := b.schedule(t, s.ID).NextFire; !next.Equal(*s.NextFire) {
		t.Errorf("next fire %s", next)
	}
	b.end(t, *f.Session)
	if _, err := b.PauseSchedule(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if f, err := b.RunSchedule(t.Context(), s.ID, 7); err != nil || f.Outcome != schedule.Started {
		t.Errorf("run while paused: %+v, %v", f, err)
	}
	b.sound(t)
}

func TestRunNowWaitsWhenThePolicyIsQueue(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, func(s *schedule.Schedule) {
		s.Overlap, s.Selector = schedule.OverlapQueue, session.Selector{Engines: []fleet.Engine{fleet.PostgreSQL}}
	})
	open := b.fireDue(t, s, schedule.Started)
	f, err := b.RunSchedule(t.Context(), s.ID, 7)
	if err != nil || f.Outcome != schedule.Queued {
		t.Fatalf("run %+v, %v", f, err)
	}
	if _, err := b.RunSchedule(t.Context(), s.ID, 7); !errors.Is(err, schedule.ErrWaiting) {
		t.Errorf("a second: %v", err)
	}
	b.end(t, *open.Session)
	done, err := b.StartWaiting(t.Context(), nil)
	if err != nil || len(done.Fires) != 1 || done.Fires[0].ID != f.ID {
		t.Fatalf("started %+v, %v", done, err)
	}
	if got := b.session(t, *done.Fires[0].Session); got.Type != session.ManualBatch || *got.CreatedBy != 7 {
		t.Errorf("session %+v", got)
	}
	b.sound(t)
}

func TestRunNowOfNothingIsRefused(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	b.sql(t, `UPDATE instances SET engine = 'oracle'`)
	if _, err := b.RunSchedule(t.Context(), s.ID, 7); !errors.Is(err, session.ErrNotServed) {
		t.Errorf("not served: %v", err)
	}
	b.sql(t, `UPDATE instances SET active = false`)
	if _, err := b.RunSchedule(t.Context(), s.ID, 7); !errors.Is(err, session.ErrEmptySelection) {
		t.Errorf("empty: %v", err)
	}
	if got := b.outcomes(t, s.ID); got != "" {
		t.Errorf("history %s", got)
	}
}
