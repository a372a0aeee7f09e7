package runner

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// Finisher asks, after records have ended, whether their sessions have too. It
// gathers what ends together: many records cost one question. What it misses,
// the sweep finds.
type Finisher struct {
	Finish func(context.Context, session.ID) (bool, error)
	Log    *slog.Logger

	mu      sync.Mutex // guards waiting
	waiting map[session.ID]struct{}
}

// gather is how long sessions are gathered before they are asked about.
const gather = 200 * time.Millisecond

// Note remembers that a record of the session has ended. It does not block.
func (f *Finisher) Note(id session.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting == nil {
		f.waiting = map[session.ID]struct{}{}
	}
	f.waiting[id] = struct{}{}
}

// Run asks until ctx ends.
func (f *Finisher) Run(ctx context.Context) error {
	tick := time.NewTicker(gather)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.ask(ctx)
		}
	}
}

func (f *Finisher) ask(ctx context.Context) {
	f.mu.Lock()
	ids := f.waiting
	f.waiting = nil
	f.mu.Unlock()
	for id := range ids {
		ended, err := f.finish(ctx, id)
		switch {
		case err != nil && ctx.Err() == nil:
			f.Log.WarnContext(ctx, "session not finished: the sweep will", "session_id", id, "err", err)
		case ended:
			f.Log.InfoContext(ctx, "session ended", "session_id", id)
		}
	}
}

// finishTime is how long one question may take.
const finishTime = 10 * time.Second

func (f *Finisher) finish(ctx context.Context, id session.ID) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, finishTime, fmt.Errorf("finish session: over %s", finishTime))
	defer cancel()
	return f.Finish(ctx, id)
}
