// Package dispatch moves records that are due into the queue, and repairs what
// the queue lost. It loops; which records may go is decided in Postgres under
// the rules of package session.
package dispatch

import (
	"context"
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
	ctx, cancel := context.WithTimeoutCause(ctx, roundTime, context.DeadlineExceeded)
	defer cancel()
	set, err := d.Settings(ctx)
	if err != nil {
		d.warn(ctx, "settings not read", err)
		return false
	}
	tickets, busy, err := d.Store.Dispatch(ctx, set.HostLimit)
	if err != nil {
		d.warn(ctx, "nothing dispatched", err)
		return false
	}
	if err := d.Queue.Enqueue(ctx, tickets); err != nil {
		d.warn(ctx, "not every bell was rung: the reconciler rings again", err)
		return false
	}
	return busy
}

func (d *Dispatcher) warn(ctx context.Context, text string, err error) {
	if ctx.Err() == nil || context.Cause(ctx) == context.DeadlineExceeded {
		d.Log.WarnContext(ctx, text, "err", err)
	}
}
