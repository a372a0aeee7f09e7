package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/schedule"
)

// RunSchedule fires a schedule for a user, paused or not, and returns the fire:
// started, or queued behind an open session. Errors: schedule.ErrNotFound,
// schedule.ErrRunning, schedule.ErrWaiting, session.ErrEmptySelection,
// session.ErrNotServed.
func (s *Store) RunSchedule(ctx context.Context, id schedule.ID, userID int64) (fire schedule.Fire, err error) {
	err = s.transact(ctx, func(tx pgx.Tx) error {
		f, err := s.lockedSchedule(ctx, tx, id)
		if err != nil {
			return err
		}
		fire, err = f.run(ctx, userID)
		return err
	})
	return fire, err
}

func (f *firer) run(ctx context.Context, userID int64) (schedule.Fire, error) {
	if err := f.startWaiting(ctx); err != nil {
		return schedule.Fire{}, err
	}
	b, err := f.busy(ctx)
	if err != nil {
		return schedule.Fire{}, err
	}
	params := dbq.InsertFireParams{FireTime: f.now, Trigger: string(schedule.ByHand), CreatedBy: &userID}
	id := uuid.New()
	switch outcome := f.schedule.Overlap.Decide(b.open != nil, b.waiting != nil); outcome {
	case schedule.Started:
		params.Outcome, params.SessionID = string(outcome), &id
		err = f.requestSession(ctx, id, &userID)
	case schedule.Queued:
		params.Outcome, params.Reason = string(outcome), b.reason()
	default:
		return schedule.Fire{}, f.refusal()
	}
	if err != nil {
		return schedule.Fire{}, err
	}
	before := len(f.fires)
	if err := f.insert(ctx, params); err != nil {
		return schedule.Fire{}, err
	}
	if len(f.fires) == before {
		return schedule.Fire{}, fmt.Errorf("schedule %d has a fire of %s already", f.schedule.ID, f.now)
	}
	fire := f.fires[before]
	return fire, insertAudit(ctx, f.q, scheduleEvent("run", f.schedule.ID, map[string]any{
		"outcome": fire.Outcome, "fire_id": fire.ID, "session_id": fire.Session,
	}))
}

// refusal is why a user's run cannot even wait.
func (f *firer) refusal() error {
	if f.schedule.Overlap == schedule.OverlapQueue {
		return schedule.ErrWaiting
	}
	return schedule.ErrRunning
}
