// Package firing fires schedules when their times come. It loops; what is to be
// done with a time is decided in package schedule, and the store does it in one
// transaction, so that any number of these loops may run beside each other.
package firing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

// Store is what the loop needs of Postgres. Each call deals with one schedule,
// other than those passed, and names it also when it fails; it names none when
// there is nothing to do. While Postgres cannot be asked, errors are
// session.ErrAway.
type Store interface {
	StartWaiting(ctx context.Context, passed []schedule.ID) (schedule.Firing, error)
	FireDue(ctx context.Context, passed []schedule.ID) (schedule.Firing, error)
}

// Firer fires. All fields are required.
type Firer struct {
	Store   Store
	Metrics *telemetry.Metrics
	Log     *slog.Logger
}

const (
	fireEvery = time.Second
	fireTime  = 30 * time.Second // one schedule
)

var errFireTime = fmt.Errorf("fire a schedule: over %s", fireTime)

// Run fires until ctx ends.
func (f *Firer) Run(ctx context.Context) error {
	tick := time.NewTicker(fireEvery)
	defer tick.Stop()
	for {
		f.pass(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// pass deals with everything there is to do. Fires that wait go first: they are
// older than what is due.
func (f *Firer) pass(ctx context.Context) {
	for _, step := range []step{f.Store.StartWaiting, f.Store.FireDue} {
		if err := f.drain(ctx, step); err != nil && ctx.Err() == nil {
			f.Log.WarnContext(ctx, "pass incomplete: the next one goes on", "err", err)
			return
		}
	}
}

type step func(ctx context.Context, passed []schedule.ID) (schedule.Firing, error)

// drain repeats a step until it finds nothing to do. A schedule that fails, or
// takes too long, is passed by until the next pass; only when Postgres is away,
// all are.
func (f *Firer) drain(ctx context.Context, do step) error {
	var passed []schedule.ID
	for {
		done, err := once(ctx, do, passed)
		switch {
		case ctx.Err() != nil, errors.Is(err, session.ErrAway), err != nil && done.Schedule == 0:
			return err
		case err != nil:
			f.Log.ErrorContext(ctx, "schedule not fired: the next pass tries again", "schedule", done.Schedule, "name", done.Name, "err", err)
			passed = append(passed, done.Schedule)
		case done.Schedule == 0:
			return nil
		default:
			f.tell(ctx, done)
		}
	}
}

// once runs a step for one schedule within its time.
func once(ctx context.Context, do step, passed []schedule.ID) (schedule.Firing, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, fireTime, errFireTime)
	defer cancel()
	done, err := do(ctx, passed)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return done, err
}

// tell logs and counts what was done.
func (f *Firer) tell(ctx context.Context, done schedule.Firing) {
	log := f.Log.With("schedule", done.Schedule, "name", done.Name)
	missed := 0
	for _, fire := range done.Fires {
		f.Metrics.Fires.WithLabelValues(string(fire.Outcome)).Add(float64(fire.Count()))
		switch fire.Outcome {
		case schedule.Missed:
			missed += fire.Count()
		case schedule.Started:
			log.InfoContext(ctx, "schedule fired", "fire_time", fire.Time, "late", fire.Late, "session", fire.Session)
		case schedule.Failed:
			log.ErrorContext(ctx, "fire failed", "fire_time", fire.Time, "err", done.Fault)
		case schedule.Queued, schedule.Skipped:
			log.InfoContext(ctx, "schedule not fired", "fire_time", fire.Time, "outcome", fire.Outcome, "reason", fire.Reason)
		}
	}
	if missed > 0 {
		log.WarnContext(ctx, "fire times missed", "times", missed)
	}
	if done.Paused {
		log.ErrorContext(ctx, "schedule paused: it cannot be understood", "err", done.Fault)
	}
}
