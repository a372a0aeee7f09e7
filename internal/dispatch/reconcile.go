package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

// BellStore is what the reconciler needs of Postgres.
type BellStore interface {
	OverdueBells(ctx context.Context, age time.Duration, limit int) ([]session.Ticket, error)
	MarkBells(ctx context.Context, heard, missed []session.Ticket) (int64, error)
	RingAllAgain(ctx context.Context) (int64, error)
}

// BellQueue is what the reconciler needs of Redis.
type BellQueue interface {
	Waiting(ctx context.Context, t session.Ticket) (bool, error)
	LostMemory(ctx context.Context) (bool, error)
	ClearArchive(ctx context.Context) (int, error)
}

// Reconciler makes queued records due again whose task the queue no longer
// has. Any number of them may run. All fields are required.
type Reconciler struct {
	Store   BellStore
	Queue   BellQueue
	Metrics *telemetry.Metrics
	Log     *slog.Logger
}

const (
	reconcileEvery = 5 * time.Second
	overdueAfter   = 10 * time.Second
	reconcileTime  = 15 * time.Second
	maxOverdue     = 5000
	askBatch       = 500 // noted at once: what time is left for is kept
	askers         = 32  // questions to Redis at a time
)

// Run reconciles until ctx ends. While Redis is away nothing is concluded from
// its silence.
func (r *Reconciler) Run(ctx context.Context) error {
	tick := time.NewTicker(reconcileEvery)
	defer tick.Stop()
	for {
		if err := r.pass(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "queue not reconciled: the next pass tries again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Reconciler) pass(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, reconcileTime, fmt.Errorf("reconcile: over %s", reconcileTime))
	defer cancel()
	lost, err := r.Queue.LostMemory(ctx)
	if lost {
		n, ringErr := r.Store.RingAllAgain(ctx)
		if ringErr != nil {
			return ringErr
		}
		r.Metrics.Reconciled.Add(float64(n))
		if n > 0 { // a Redis that is new has nothing to lose
			r.Log.WarnContext(ctx, "redis has lost its memory: queued records are due again", "records", n)
		}
	}
	if err != nil {
		return err
	}
	if _, err := r.Queue.ClearArchive(ctx); err != nil {
		return err
	}
	return r.askForOverdue(ctx)
}

func (r *Reconciler) askForOverdue(ctx context.Context) error {
	overdue, err := r.Store.OverdueBells(ctx, overdueAfter, maxOverdue)
	if err != nil || len(overdue) == 0 {
		return err
	}
	for some := range slices.Chunk(overdue, askBatch) {
		if err := r.askFor(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// askFor asks for tickets and notes the answers. Without all of them it notes
// none: an error concludes nothing.
func (r *Reconciler) askFor(ctx context.Context, tickets []session.Ticket) error {
	waiting := make([]bool, len(tickets))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(askers)
	for i, t := range tickets {
		group.Go(func() (err error) {
			waiting[i], err = r.Queue.Waiting(asking, t)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var heard, missed []session.Ticket
	for i, t := range tickets {
		if waiting[i] {
			heard = append(heard, t)
		} else {
			missed = append(missed, t)
		}
	}
	n, err := r.Store.MarkBells(ctx, heard, missed)
	r.Metrics.Reconciled.Add(float64(n))
	return err
}
