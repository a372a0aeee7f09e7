package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

const (
	perWorker = 64 // records at once: a worker's default
	syncTime  = 3 * time.Minute
)

// live is the fleet of one engine and how often it stands in the list.
type live struct {
	figure    string
	target    target
	instances int
	workers   []int // how many processes, one case after the other
}

func measureSyncPostgres(ctx context.Context, b *bench) error {
	f, err := b.livePostgres(ctx)
	if err != nil {
		return err
	}
	return measureSync(ctx, b, f)
}

func (b *bench) livePostgres(ctx context.Context) (live, error) {
	server, err := b.servers.postgresTarget(ctx)
	if err != nil {
		return live{}, err
	}
	return live{
		figure: "sync-postgres", instances: b.postgres, workers: b.workers,
		target: target{engine: fleet.PostgreSQL, host: server.Host(), port: server.Port()},
	}, nil
}

func measureSyncMariaDB(ctx context.Context, b *bench) error {
	server, err := b.servers.mariadbTarget(ctx)
	if err != nil {
		return err
	}
	return measureSync(ctx, b, live{
		figure: "sync-mariadb", instances: b.mariadb, workers: b.workers,
		target: target{engine: fleet.MySQL, host: server.Host(), port: server.Port()},
	})
}

func measureSync(ctx context.Context, b *bench, f live) error {
	for _, trip := range b.trips {
		for _, workers := range f.workers {
			if err := f.measure(ctx, b, trip, workers); err != nil {
				return fmt.Errorf("%s: %w", caseName(workers, trip), err)
			}
		}
	}
	return nil
}

func caseName(workers int, trip time.Duration) string {
	return fmt.Sprintf("%s, +%d ms", workersOf(workers), trip.Milliseconds())
}

// behind returns the target behind a line with an added round trip, or itself
// without one.
func (f live) behind(ctx context.Context, trip time.Duration) (t target, end func(), err error) {
	if trip == 0 {
		return f.target, func() {}, nil
	}
	k, err := newLink(ctx, fmt.Sprintf("%s:%d", f.target.host, f.target.port), trip)
	if err != nil {
		return target{}, nil, err
	}
	return target{engine: f.target.engine, host: "127.0.0.1", port: k.port()}, k.close, nil
}

// measure syncs the fleet twice: first everything is new, then nothing.
func (f live) measure(ctx context.Context, b *bench, trip time.Duration, workers int) (err error) {
	t, end, err := f.behind(ctx, trip)
	if err != nil {
		return err
	}
	defer end()
	bare, err := bareReads(ctx, t, f.instances, workers*perWorker)
	if err != nil {
		return err
	}
	s, err := b.set(ctx, f.figure, "")
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	if err := s.addInstances(ctx, f.instances, t, tagAll); err != nil {
		return err
	}
	if err := s.startAll(ctx, workers, "worker"); err != nil {
		return err
	}
	for _, run := range []string{"first", "unchanged"} {
		one, spent, err := s.runAndCost(ctx, syncTime)
		if err != nil {
			return fmt.Errorf("%s run: %w", run, err)
		}
		which := caseName(workers, trip) + ", " + run
		b.report.add(line{
			Figure: f.figure, Case: which, Value: one.rate(), Unit: "syncs/s", Note: fmt.Sprintf("%d instances", one.done),
		}.with(fmt.Sprintf("bare loop of %d", workers*perWorker), bare))
		if workers == 1 && trip == 0 { // in the other cases it is the same
			b.report.add(spent.lines(f.figure, which, one.done)...)
		}
	}
	return nil
}
