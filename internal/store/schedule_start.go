package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
)

// fire starts, queues or skips a fire, as the overlap policy says. One that
// waits and need not goes first.
func (f *firer) fire(ctx context.Context, params dbq.InsertFireParams) error {
	if err := f.startWaiting(ctx); err != nil {
		return err
	}
	b, err := f.busy(ctx)
	if err != nil {
		return err
	}
	outcome := f.schedule.Overlap.Decide(b.open != nil, b.waiting != nil)
	if outcome == schedule.Started {
		return f.start(ctx, params)
	}
	params.Outcome, params.Reason = string(outcome), b.reason()
	return f.insert(ctx, params)
}

// busy is what is in a fire's way.
type busy struct {
	open    *session.ID
	waiting *time.Time
}

func (b busy) reason() string {
	switch {
	case b.waiting != nil:
		return "the fire of " + b.waiting.UTC().Format(time.RFC3339) + " waits already"
	case b.open != nil:
		return "session " + b.open.String() + " has not ended"
	}
	return ""
}

func (f *firer) busy(ctx context.Context) (busy, error) {
	var b busy
	open, err := f.q.OpenSessionOfSchedule(ctx, int64(f.schedule.ID))
	if err == nil {
		b.open = &open
	} else if !errors.Is(err, pgx.ErrNoRows) {
		return b, fmt.Errorf("look for an open session: %w", err)
	}
	waiting, err := f.q.QueuedFire(ctx, int64(f.schedule.ID))
	if err == nil {
		b.waiting = &waiting.FireTime
	} else if !errors.Is(err, pgx.ErrNoRows) {
		return b, fmt.Errorf("look for a queued fire: %w", err)
	}
	return b, nil
}

// start makes the fire and its session. When that cannot ever work, the fire
// has failed.
func (f *firer) start(ctx context.Context, params dbq.InsertFireParams) error {
	id := uuid.New()
	fault, err := f.attempt(ctx, func(f *firer) error {
		params := params
		params.Outcome, params.SessionID = string(schedule.Started), &id
		before := len(f.fires)
		if err := f.insert(ctx, params); err != nil || len(f.fires) == before {
			return err // no new line: somebody has fired this time before
		}
		return f.makeSession(ctx, id, nil)
	})
	if err != nil || fault == nil {
		return err
	}
	f.fault = fault
	params.Outcome, params.Reason = string(schedule.Failed), shownReason(fault)
	return f.insert(ctx, params)
}

// startWaiting starts the fire that waits, if there is one and no session is
// open any more.
func (f *firer) startWaiting(ctx context.Context) error {
	b, err := f.busy(ctx)
	if err != nil || b.open != nil || b.waiting == nil {
		return err
	}
	waiting, err := f.q.QueuedFire(ctx, int64(f.schedule.ID))
	if err != nil {
		return fmt.Errorf("read queued fire: %w", err)
	}
	id := uuid.New()
	fault, err := f.attempt(ctx, func(f *firer) error {
		if err := f.settleQueued(ctx, dbq.SettleQueuedFireParams{Outcome: string(schedule.Started), SessionID: &id}); err != nil {
			return err
		}
		return f.makeSession(ctx, id, waiting.CreatedBy)
	})
	if err != nil || fault == nil {
		return err
	}
	f.fault = fault
	return f.settleQueued(ctx, dbq.SettleQueuedFireParams{Outcome: string(schedule.Failed), Reason: shownReason(fault)})
}

// attempt runs do within a savepoint. It returns an error of do that will not
// pass as fault; nothing of do is left then.
func (f *firer) attempt(ctx context.Context, do func(*firer) error) (fault, err error) {
	sub, err := f.tx.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("set savepoint: %w", err)
	}
	inner := *f
	inner.tx, inner.q = sub, f.q.WithTx(sub)
	if fault = do(&inner); fault == nil {
		f.fires = inner.fires
		if err := sub.Commit(ctx); err != nil {
			return nil, fmt.Errorf("release savepoint: %w", err)
		}
		return nil, nil
	}
	if ctx.Err() != nil || isAway(fault) || isTrouble(fault) {
		return nil, fault // the whole transaction is given up
	}
	if err := sub.Rollback(ctx); err != nil {
		return nil, errors.Join(fault, fmt.Errorf("roll back to savepoint: %w", err))
	}
	return fault, nil
}
