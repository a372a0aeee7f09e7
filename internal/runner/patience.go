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

// patiently calls do again while it returns session.ErrAway, for at most
// patience or until given up (nil: never).
func patiently(ctx context.Context, givenUp <-chan struct{}, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("postgres away for over %s", patience))
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := do(ctx)
		if !errors.Is(err, session.ErrAway) {
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
