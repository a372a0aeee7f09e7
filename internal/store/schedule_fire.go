package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
)

// FireDue deals with one schedule that has a time due, other than those passed:
// it writes what was missed, fires what is to be fired, with its session, and
// writes the next time, all in one transaction. Any number of callers may run
// beside each other. The Firing names no schedule when there was none to deal
// with. With an error nothing was written; the Firing still names the schedule,
// so that the caller can pass it by, and what may pass is tried again. Error:
// session.ErrAway.
func (s *Store) FireDue(ctx context.Context, passed []schedule.ID) (schedule.Firing, error) {
	return s.firing(ctx, func(q *dbq.Queries) (dbq.Schedule, error) { return q.LockDueSchedule(ctx, numbers(passed)) },
		func(f *firer) error { return f.fireDue(ctx) })
}

// StartWaiting starts the fire of one schedule, other than those passed, that
// waited for a session which has ended. Otherwise it is like FireDue.
func (s *Store) StartWaiting(ctx context.Context, passed []schedule.ID) (schedule.Firing, error) {
	return s.firing(ctx, func(q *dbq.Queries) (dbq.Schedule, error) { return q.LockWaitingSchedule(ctx, numbers(passed)) },
		func(f *firer) error { return f.startWaiting(ctx) })
}

// firing runs do with the schedule that lock finds.
func (s *Store) firing(ctx context.Context, lock func(*dbq.Queries) (dbq.Schedule, error), do func(*firer) error) (schedule.Firing, error) {
	var done schedule.Firing
	err := s.transact(ctx, func(tx pgx.Tx) error {
		row, err := lock(s.q.WithTx(tx))
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("lock schedule: %w", err)
		}
		done.Schedule, done.Name = schedule.ID(row.ID), row.Name
		f, fault, err := s.newFirer(ctx, tx, row)
		switch {
		case err != nil:
			return err
		case fault != nil:
			err = f.giveUp(ctx, fault)
		default:
			err = do(f)
		}
		done.Fires, done.Paused, done.Fault = f.fires, f.paused, f.fault
		return err
	})
	if err != nil {
		return schedule.Firing{Schedule: done.Schedule, Name: done.Name}, away(fmt.Errorf("fire schedule %d: %w", done.Schedule, err))
	}
	return done, nil
}

// A firer works on one schedule whose row it has locked, so that nobody else
// makes a fire or a session of it.
type firer struct {
	tx       pgx.Tx
	q        *dbq.Queries
	serves   session.Serves
	schedule schedule.Schedule
	now      time.Time // of the transaction

	fires  []schedule.Fire // written so far
	paused bool
	fault  error // of the last fire that failed
}

// newFirer returns a fault, beside a firer that can only give up, when the row
// cannot be understood.
func (s *Store) newFirer(ctx context.Context, tx pgx.Tx, row dbq.Schedule) (f *firer, fault, err error) {
	f = &firer{tx: tx, q: s.q.WithTx(tx), serves: s.Serves}
	if f.now, err = f.q.TransactionTime(ctx); err != nil {
		return nil, nil, fmt.Errorf("read time: %w", err)
	}
	f.schedule, fault = toSchedule(row)
	return f, fault, nil
}

// lockedSchedule locks one living schedule, or returns schedule.ErrNotFound.
func (s *Store) lockedSchedule(ctx context.Context, tx pgx.Tx, id schedule.ID) (*firer, error) {
	row, err := s.q.WithTx(tx).LockSchedule(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, schedule.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("lock schedule %d: %w", id, err)
	}
	f, fault, err := s.newFirer(ctx, tx, row)
	return f, errors.Join(fault, err)
}

func (f *firer) fireDue(ctx context.Context) error {
	plan, err := f.schedule.Plan(f.now)
	if err != nil {
		return f.giveUp(ctx, err)
	}
	if err := f.miss(ctx, plan, "not fired in time"); err != nil {
		return err
	}
	if !plan.Fire.IsZero() {
		if err := f.fire(ctx, dbq.InsertFireParams{FireTime: plan.Fire, Trigger: string(schedule.ByCron), Late: plan.Late}); err != nil {
			return err
		}
	}
	if err := f.q.SetNextFire(ctx, dbq.SetNextFireParams{ID: int64(f.schedule.ID), NextFireAt: plan.Next}); err != nil {
		return fmt.Errorf("write next fire: %w", err)
	}
	return nil
}

// giveUp pauses a schedule that cannot be understood, and says so in its
// history: it would stay due for ever.
func (f *firer) giveUp(ctx context.Context, fault error) error {
	f.fault, f.paused = fault, true
	if at := f.schedule.NextFire; at != nil && !at.After(f.now) {
		err := f.insert(ctx, dbq.InsertFireParams{
			FireTime: *at, Trigger: string(schedule.ByCron), Outcome: string(schedule.Failed), Reason: "paused: " + shownReason(fault),
		})
		if err != nil {
			return err
		}
	}
	f.schedule.NextFire = nil // it is told; nothing else can be
	return f.pause(ctx, "paused before it fired")
}

// miss writes the missed times of a plan.
func (f *firer) miss(ctx context.Context, plan schedule.Plan, reason string) error {
	if e := plan.Earlier; e.Count > 0 {
		params := dbq.InsertMissedSpanParams{ScheduleID: int64(f.schedule.ID), FireTime: e.To, Reason: reason, MissedCount: int32(e.Count)}
		if e.Count > 1 {
			params.MissedFrom = &e.From
		}
		rows, err := f.q.InsertMissedSpan(ctx, params)
		if err != nil {
			return fmt.Errorf("write missed fires: %w", err)
		}
		f.fires = append(f.fires, toFires(rows)...)
	}
	if len(plan.Missed) == 0 {
		return nil
	}
	rows, err := f.q.InsertMissed(ctx, dbq.InsertMissedParams{ScheduleID: int64(f.schedule.ID), FireTimes: plan.Missed, Reason: reason})
	if err != nil {
		return fmt.Errorf("write missed fires: %w", err)
	}
	f.fires = append(f.fires, toFires(rows)...)
	return nil
}

// lapse writes everything that is due as missed.
func (f *firer) lapse(ctx context.Context, reason string) error {
	if f.schedule.NextFire == nil {
		return nil
	}
	plan, err := f.schedule.Lapse(f.now)
	if err != nil {
		return err
	}
	return f.miss(ctx, plan, reason)
}

// stop lets what is due lapse, and skips what waits.
func (f *firer) stop(ctx context.Context, reason string) error {
	if err := f.lapse(ctx, reason); err != nil {
		return err
	}
	return f.settleQueued(ctx, dbq.SettleQueuedFireParams{Outcome: string(schedule.Skipped), Reason: reason})
}

// insert writes a line of the history, unless the time has one.
func (f *firer) insert(ctx context.Context, params dbq.InsertFireParams) error {
	params.ScheduleID = int64(f.schedule.ID)
	row, err := f.q.InsertFire(ctx, params)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write fire: %w", err)
	}
	f.fires = append(f.fires, toFire(row))
	return nil
}

// settleQueued changes the fire that waits, if there is one.
func (f *firer) settleQueued(ctx context.Context, params dbq.SettleQueuedFireParams) error {
	params.ScheduleID = int64(f.schedule.ID)
	row, err := f.q.SettleQueuedFire(ctx, params)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("settle queued fire: %w", err)
	}
	f.fires = append(f.fires, toFire(row))
	return nil
}

const maxReason = 1000 // characters; the table's

// shownReason is what people may read of a fault: all of it when it is about
// what they entered.
func shownReason(fault error) string {
	known := len(invalid.All(fault)) > 0 || errors.Is(fault, session.ErrNotServed)
	if !known {
		return "internal error: the scheduler's log says more"
	}
	text := []rune(fault.Error())
	return string(text[:min(len(text), maxReason-len("paused: "))])
}
