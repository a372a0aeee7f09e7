// Package census counts what the database and the queue know of the whole
// fleet, for the metrics. One process at a time does it, so that each figure is
// there once, whatever the number of schedulers. It decides nothing, and nothing
// that must be right hangs on it.
package census

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

// Store is what the taker needs of Postgres.
type Store interface {
	TakeLease(ctx context.Context, name string, holder uuid.UUID, lease time.Duration) (bool, error)
	Census(ctx context.Context) ([]session.Census, error)
	Unverified(ctx context.Context) (map[fleet.TLSMode]int, error)
}

// Queue tells how many tasks wait in a category's queue.
type Queue interface {
	Depth(ctx context.Context, c session.Category) (int, error)
}

// Taker takes the census. All exported fields are required.
type Taker struct {
	Store  Store
	Queue  Queue
	Gauges *telemetry.Fleet
	Log    *slog.Logger
}

// LeaseName is the lease of the scheduler that takes the census. Stored; do not rename.
const LeaseName = "census"

const (
	every     = 15 * time.Second
	lease     = 3 * every // a holder that misses two rounds has lost it
	roundTime = 10 * time.Second
)

// Run takes the census until ctx ends. While another process holds the lease,
// or the figures cannot be had, this one shows none: a figure that is not there
// raises an alarm, an old one does not.
func (t *Taker) Run(ctx context.Context) error {
	me := uuid.New()
	tick := time.NewTicker(every)
	defer tick.Stop()
	defer t.Gauges.Clear()
	for {
		if err := t.round(ctx, me); err != nil && ctx.Err() == nil {
			t.Log.WarnContext(ctx, "census not taken: the next round tries again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (t *Taker) round(ctx context.Context, me uuid.UUID) error {
	ctx, cancel := context.WithTimeoutCause(ctx, roundTime, fmt.Errorf("census: over %s", roundTime))
	defer cancel()
	mine, err := t.Store.TakeLease(ctx, LeaseName, me, lease)
	if err != nil || !mine {
		t.Gauges.Clear()
		return err
	}
	list, err := t.Store.Census(ctx)
	if err != nil {
		t.Gauges.Clear()
		return err
	}
	for _, c := range list {
		t.show(c)
	}
	return errors.Join(t.unverified(ctx), t.depths(ctx))
}

// unverified shows how many instances connect to a server that nobody checks.
func (t *Taker) unverified(ctx context.Context) error {
	modes, err := t.Store.Unverified(ctx)
	if err != nil {
		t.Gauges.Unverified.Reset()
		return err
	}
	for mode, n := range modes {
		t.Gauges.Unverified.WithLabelValues(string(mode)).Set(float64(n))
	}
	return nil
}

// depths shows the queues' lengths, and nothing for a queue that does not tell.
func (t *Taker) depths(ctx context.Context) error {
	var faults []error
	for _, c := range session.Categories() {
		n, err := t.Queue.Depth(ctx, c)
		if err != nil {
			t.Gauges.QueueDepth.DeleteLabelValues(string(c))
			faults = append(faults, err)
			continue
		}
		t.Gauges.QueueDepth.WithLabelValues(string(c)).Set(float64(n))
	}
	return errors.Join(faults...)
}

func (t *Taker) show(c session.Census) {
	g, category := t.Gauges, string(c.Category)
	for status, n := range c.Records {
		g.Records.WithLabelValues(category, string(status)).Set(float64(n))
	}
	g.Workers.WithLabelValues(category).Set(float64(c.Workers))
	g.Due.WithLabelValues(category).Set(float64(c.Due))
	g.OldestDue.WithLabelValues(category).Set(c.Oldest.Seconds())
	g.Instances.WithLabelValues(category).Set(float64(c.Instances))
	g.NeverSynced.WithLabelValues(category).Set(float64(c.NeverSynced))
	if c.Instances == c.NeverSynced {
		g.SyncAge.DeletePartialMatch(map[string]string{"category": category})
		return
	}
	g.SyncAge.WithLabelValues(category, "newest").Set(c.Newest.Seconds())
	g.SyncAge.WithLabelValues(category, "stalest").Set(c.Stalest.Seconds())
}
