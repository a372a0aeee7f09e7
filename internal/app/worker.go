package app

import (
	"context"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/collector/postgres"
	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/queue"
	"github.com/dbfleet/dbfleet/internal/runner"
	"github.com/dbfleet/dbfleet/internal/session"
)

// jobTable makes the table of what a worker can do.
type jobTable func(ctx context.Context, b *base) (map[runner.Kind]runner.Job, error)

// workerWith returns the process that works records off with a table of jobs
// until ctx ends, and then drains: no new record, up to the drain timeout for
// running ones (none after the second signal), the rest is given back, and only
// then the connections are closed.
func workerWith(table jobTable) Process {
	const heartbeat = 1 // has a connection of its own
	return func(ctx, hard context.Context, cfg config.Config, log *slog.Logger) error {
		return run(ctx, cfg, log, heartbeat, func(ctx context.Context, b *base) error { return b.work(ctx, hard, table) })
	}
}

// work lives in three layers that end one after another: fetchers, runner,
// heartbeat and finisher.
func (b *base) work(ctx, hard context.Context, table jobTable) error {
	jobs, err := table(ctx, b)
	if err != nil {
		return err
	}
	finisher := &runner.Finisher{Finish: b.store.FinishSession, Log: b.log}
	heart := runner.NewHeart(b.openPulse, b.self(), b.log)
	run := runner.New(runner.Config{
		Store: b.store, Jobs: jobs, Keys: b.cfg.Keys, Settings: b.settings.Settings,
		Worker: heart.ID, Ended: finisher.Note, Concurrency: b.cfg.Concurrency, Metrics: b.metrics, Log: b.log,
	})
	heart.Stop, heart.Abandon, heart.Waiting = run.Stop, run.Abandon, run.Waiting

	lower, stopLower := context.WithCancel(context.WithoutCancel(ctx))
	var background errgroup.Group
	background.Go(func() error { return heart.Run(lower) })
	background.Go(func() error { return finisher.Run(lower) })
	err = b.fetch(ctx, hard, run, heart.Ready())
	stopLower()
	if waitErr := background.Wait(); err == nil {
		err = waitErr
	}
	return err
}

// fetch serves the queues until ctx ends and drains the runner.
func (b *base) fetch(ctx, hard context.Context, run *runner.Runner, ready <-chan struct{}) error {
	select {
	case <-ready:
	case <-ctx.Done():
		return nil
	}
	server, err := queue.Serve(queue.ServerConfig{
		Redis: b.redis, Categories: b.categories(), Fetchers: b.cfg.Fetchers,
		Concurrency: 2 * b.cfg.Concurrency, // the runner's places, and as many that wait for a silent target
		Handle:      run.Handle,
		Dropped:     func(reason string) { b.metrics.Dropped.WithLabelValues(reason).Inc() },
		Log:         b.log,
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	server.Stop()
	b.log.InfoContext(ctx, "draining", "running", run.Running(), "up_to_s", b.cfg.DrainTimeout.Seconds())
	drain, cancel := context.WithTimeout(hard, b.cfg.DrainTimeout)
	defer cancel()
	run.Drain(drain)
	b.redisInUse = !server.Shutdown()
	return nil
}

// ownJobs is the table of what our worker can do.
func ownJobs(ctx context.Context, b *base) (map[runner.Kind]runner.Job, error) {
	policy, err := b.policy(ctx)
	if err != nil {
		return nil, err
	}
	dialer := &netguard.Dialer{Policy: policy}
	postgresReader, err := postgres.New(dialer, b.observeQuery)
	if err != nil {
		return nil, err
	}
	return map[runner.Kind]runner.Job{
		{Engine: fleet.PostgreSQL, Category: session.Account}: runner.Accounts{Reader: postgresReader, Store: b.store, Log: b.log},
		{Engine: fleet.MySQL, Category: session.Account}:      runner.Accounts{Reader: mysql.New(dialer, b.observeQuery), Store: b.store, Log: b.log},
	}, nil
}

// observeQuery counts one statement on a target.
func (b *base) observeQuery(engine fleet.Engine, phase session.Phase, took time.Duration) {
	b.metrics.Query(string(engine), string(phase), took)
}

func (b *base) openPulse(ctx context.Context) (runner.Pulse, error) { return b.store.OpenPulse(ctx) }

func (b *base) categories() []session.Category {
	list := make([]session.Category, len(b.cfg.Categories))
	for i, c := range b.cfg.Categories {
		list[i] = session.Category(c)
	}
	return list
}

func (b *base) self() session.Worker {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return session.Worker{
		Hostname: host, PID: os.Getpid(), Version: Version(), Queues: b.categories(), Concurrency: b.cfg.Concurrency,
	}
}
