// Package dispatch moves records that are due into the queue, and repairs what
// the queue lost. It loops; which records may go is decided in Postgres under
// the rules of package session.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
)

// Store is what the dispatcher needs of Postgres.
type Store interface {
	Dispatch(ctx context.Context, hostLimit int) (tickets []session.Ticket, busy bool, err error)
}

// Queue is what the dispatcher needs of Redis.
type Queue interface {
	Enqueue(ctx context.Context, tickets []session.Ticket) error
}

// Dispatcher fills the queues' windows. Any number of them may run. All fields
// are required.
type Dispatcher struct {
	Store    Store
	Queue    Queue
	Settings func(context.Context) (setting.Settings, error)
	Log      *slog.Logger
}

var errRoundTime = fmt.Errorf("dispatch: over %s", roundTime)

const (
	hotPause  = 50 * time.Millisecond // while records are on their way
	idlePause = time.Second
	roundTime = 15 * time.Second // one round, enqueueing included
)

// Run dispatches until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		pause := idlePause
		if d.round(ctx) {
			pause = hotPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// round reports whether there is reason to look again at once.
func (d *Dispatcher) round(ctx context.Context) bool {
	ctx, cancel := context.WithTimeoutCause(ctx, roundTime, errRoundTime)
	defer cancel()
	busy, err := d.dispatch(ctx)
	if err != nil && !errors.Is(context.Cause(ctx), context.Canceled) {
		d.Log.WarnContext(ctx, "round incomplete: the next one, or the reconciler, makes up for it", "err", err)
	}
	return busy && err == nil
}

func (d *Dispatcher) dispatch(ctx context.Context) (busy bool, err error) {
	set, err := d.Settings(ctx)
	if err != nil {
		return false, err
	}
	tickets, busy, err := d.Store.Dispatch(ctx, set.HostLimit)
	if err != nil {
		return false, err
	}
	return busy, d.Queue.Enqueue(ctx, tickets)
}
