package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// patience is how long a worker waits for Postgres to come back before it
// leaves a record to the reaper or the reconciler.
const patience = 2 * time.Minute

const (
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
)

// tryTime is how long one call of the store may take; a big merge may take half
// of it.
const tryTime = time.Minute

// patiently calls do again while it returns session.ErrAway, for at most
// patience or until given up (nil: never). A try that takes too long is a
// *session.Fault of the code session.CodeStorage: Postgres may be there, and
// only this object be too much for it.
func patiently(ctx context.Context, givenUp <-chan struct{}, do func(context.Context) error) error {
	return repeat(ctx, givenUp, do, func(err error) bool { return errors.Is(err, session.ErrAway) })
}

// stubbornly is patiently for a short write that must not be lost: it also
// waits for a lock or for space.
func stubbornly(ctx context.Context, givenUp <-chan struct{}, do func(context.Context) error) error {
	return repeat(ctx, givenUp, do, func(err error) bool {
		return errors.Is(err, session.ErrAway) || session.AsFault(err).Code == session.CodeStorage
	})
}

func repeat(ctx context.Context, givenUp <-chan struct{}, do func(context.Context) error, again func(error) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("postgres away for over %s", patience))
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := try(ctx, do)
		if err == nil || !again(err) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-givenUp:
			return err
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

func try(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, tryTime, fmt.Errorf("not stored within %s", tryTime))
	defer cancel()
	err := do(ctx)
	if err == nil || ctx.Err() == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &session.Fault{Code: session.CodeStorage, Phase: session.PhaseStore, Err: errors.Join(context.Cause(ctx), err)}
}
