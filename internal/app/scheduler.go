package app

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/census"
	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/dispatch"
	"github.com/dbfleet/dbfleet/internal/firing"
	"github.com/dbfleet/dbfleet/internal/sweep"
)

// runScheduler fires schedules, dispatches, reconciles, sweeps, purges and counts until ctx ends. It holds
// nothing that must be given back, so that a second signal changes nothing.
func runScheduler(ctx, _ context.Context, cfg config.Config, log *slog.Logger) error {
	return run(ctx, cfg, log, 0, func(ctx context.Context, b *base) error { return b.schedule(ctx) })
}

func (b *base) schedule(ctx context.Context) error {
	switch policy, err := b.queue.Policy(ctx); {
	case err != nil:
		b.log.WarnContext(ctx, "redis did not tell whether it may evict tasks", "err", err)
	case policy != "" && policy != "noeviction":
		b.log.WarnContext(ctx, "redis may evict tasks: set maxmemory-policy to noeviction", "policy", policy)
	}
	group, ctx := errgroup.WithContext(ctx)
	dispatcher := &dispatch.Dispatcher{Store: b.store, Queue: b.queue, Settings: b.settings.Settings, Log: b.log}
	reconciler := &dispatch.Reconciler{Store: b.store, Queue: b.queue, Metrics: b.metrics, Log: b.log}
	sweeper := &sweep.Sweeper{Store: b.store, Ping: b.pool.Ping, Settings: b.settings.Settings, Metrics: b.metrics, Log: b.log}
	purger := &sweep.Purger{Store: b.store, Settings: b.settings.Settings, Metrics: b.metrics, Log: b.log}
	firer := &firing.Firer{Store: b.store, Metrics: b.metrics, Log: b.log}
	taker := &census.Taker{Store: b.store, Queue: b.queue, Gauges: b.metrics.Fleet, Log: b.log}
	group.Go(func() error { return firer.Run(ctx) })
	group.Go(func() error { return taker.Run(ctx) })
	group.Go(func() error { return dispatcher.Run(ctx) })
	group.Go(func() error { return reconciler.Run(ctx) })
	group.Go(func() error { return sweeper.Run(ctx) })
	group.Go(func() error { return purger.Run(ctx) })
	return group.Wait()
}
