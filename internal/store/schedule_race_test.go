package store

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
)

// drain fires what is due until nothing is, as a scheduler does.
func drain(ctx context.Context, s *Store) (fires []schedule.Fire, err error) {
	for {
		done, err := s.FireDue(ctx, nil)
		if err != nil || done.Schedule == 0 {
			return fires, err
		}
		fires = append(fires, done.Fires...)
	}
}

func TestTwoSchedulersFireEachTimeOnce(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	const count = 1000
	s := b.nightly(t, nil)
	b.sql(t, `INSERT INTO schedules (name, cron, time_zone, sync_category, selector, overlap, catch_up, next_fire_at, created_by)
		SELECT 'copy ' || g, cron, time_zone, sync_category, selector, overlap, catch_up, next_fire_at, created_by
		FROM schedules, generate_series(2, $1::int) g`, count)
	b.sql(t, `UPDATE schedules SET next_fire_at = now()`)
	// One of them is due several times besides.
	b.sql(t, `UPDATE schedules SET cron = '* * * * *', next_fire_at = date_trunc('minute', now()) - interval '5 min' WHERE id = $1`, s.ID)
	schedulers := []*Store{b.Store, b.another(t)}
	var wg sync.WaitGroup
	var mu sync.Mutex // guards started, missed
	started, missed := map[schedule.ID]int{}, 0
	shares := make([]int, len(schedulers))
	for i, scheduler := range schedulers {
		for range 2 { // each with two loops, so that they also meet at commit
			wg.Go(func() {
				fires, err := drain(t.Context(), scheduler)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, f := range fires {
					if f.Outcome == schedule.Started {
						started[f.Schedule]++
						shares[i]++
					} else {
						missed += f.Count()
					}
				}
			})
		}
	}
	wg.Wait()
	fires, err := drain(t.Context(), b.Store) // what one loop had locked when the other looked last
	if err != nil || len(fires) > 1 {
		t.Errorf("left over: %v, %v", fires, err)
	}
	for id, n := range started {
		if n != 1 {
			t.Errorf("schedule %d fired %d times", id, n)
		}
	}
	if len(started) != count || missed < 5 || missed > 6 {
		t.Errorf("%d schedules fired, %d times missed", len(started), missed)
	}
	if shares[0] == 0 || shares[1] == 0 {
		t.Errorf("one scheduler did it all: %v", shares)
	}
	if n := value[int](t, b.pool, `SELECT count(*) FROM sync_sessions`); n != count {
		t.Errorf("%d sessions", n)
	}
	if n := value[int](t, b.pool, `SELECT count(*) FROM schedule_fires WHERE schedule_id <> $1`, s.ID); n != count-1 {
		t.Errorf("%d lines of history", n)
	}
	b.sound(t)
}

// One schedule that is due many times in turn: two schedulers race for
// each of them.
func TestTwoSchedulersRaceForTheSameTimes(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	schedulers := []*Store{b.Store, b.another(t)}
	const rounds = 300
	for round := range rounds {
		b.sql(t, `UPDATE schedules SET next_fire_at = now() WHERE id = $1`, s.ID)
		results := make(chan []schedule.Fire, len(schedulers))
		for _, scheduler := range schedulers {
			go func() {
				done, err := scheduler.FireDue(t.Context(), nil)
				if err != nil {
					t.Error(err)
				}
				results <- done.Fires
			}()
		}
		fires := append(<-results, <-results...)
		if len(fires) != 1 || fires[0].Outcome != schedule.Started {
			t.Fatalf("round %d: %+v", round, fires)
		}
		b.end(t, *fires[0].Session)
	}
	b.sound(t)
}

func TestTwoSchedulersStartAQueuedFireOnce(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, func(s *schedule.Schedule) { s.Overlap = schedule.OverlapQueue })
	schedulers := []*Store{b.Store, b.another(t)}
	open := *b.fireDue(t, s, schedule.Started).Session
	for range 100 {
		b.fireDue(t, s, schedule.Queued)
		b.end(t, open)
		results := make(chan []schedule.Fire, len(schedulers))
		for _, scheduler := range schedulers {
			go func() {
				done, err := scheduler.StartWaiting(t.Context(), nil)
				if err != nil {
					t.Error(err)
				}
				results <- done.Fires
			}()
		}
		fires := append(<-results, <-results...)
		if len(fires) != 1 {
			t.Fatalf("started %+v", fires)
		}
		open = *fires[0].Session
	}
	b.sound(t)
}

// A user and two schedulers at once: one session.
func TestRunNowRacesWithAFire(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, nil)
	scheduler := b.another(t)
	for range 100 {
		b.dueSince(t, s, 0)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := b.RunSchedule(t.Context(), s.ID, 7); err != nil && !errors.Is(err, schedule.ErrRunning) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := scheduler.FireDue(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		open := values[session.ID](t, b.pool, `SELECT session_id FROM sync_sessions WHERE completed_at IS NULL`)
		if len(open) != 1 {
			t.Fatalf("%d sessions are open", len(open))
		}
		b.end(t, open[0])
		if _, err := drain(t.Context(), b.Store); err != nil { // the one that had found the row locked
			t.Fatal(err)
		}
		for _, id := range values[session.ID](t, b.pool, `SELECT session_id FROM sync_sessions WHERE completed_at IS NULL`) {
			b.end(t, id)
		}
	}
	b.sound(t)
}
