package main

import (
	"context"
	"fmt"
	"time"
)

// noopTime bounds a session of records that do nothing.
const noopTime = 4 * time.Minute

// measureNoop sends records through everything but a target, with one worker
// and with two.
func measureNoop(ctx context.Context, b *bench) error {
	for _, workers := range b.workers {
		if err := measureNoopWith(ctx, b, workers); err != nil {
			return err
		}
	}
	return nil
}

func measureNoopWith(ctx context.Context, b *bench, workers int) (err error) {
	which := workersOf(workers)
	s, err := b.set(ctx, "noop", "")
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	bare, err := s.bareTasks(ctx, b.tasks, workers)
	if err != nil {
		return err
	}
	one, spent, err := s.runNoop(ctx, b.noop, workers)
	if err != nil {
		return err
	}
	b.report.add(line{
		Figure: "noop", Case: which, Value: one.rate(), Unit: "records/s",
		Note: count(b.noop) + " records, from the request to the last one's end",
	}.with("bare asynq no-op tasks/s", bare))
	b.report.add(spent.lines("noop", which, b.noop)...)
	return nil
}

// runNoop starts everything with workers that do nothing, and measures a session
// of so many records.
func (s *stage) runNoop(ctx context.Context, records, workers int) (synced, cost, error) {
	if err := s.startNoop(ctx, records, workers); err != nil {
		return synced{}, cost{}, err
	}
	return s.runAndCost(ctx, noopTime)
}

// runAndCost measures a session of all instances, and what it cost.
func (s *stage) runAndCost(ctx context.Context, limit time.Duration) (synced, cost, error) {
	before, err := s.cost(ctx)
	if err != nil {
		return synced{}, cost{}, err
	}
	one, err := s.run(ctx, tagAll, limit)
	if err != nil {
		return one, cost{}, err
	}
	after, err := s.cost(ctx)
	return one, after.since(before), err
}

// startNoop registers instances and starts all programs.
func (s *stage) startNoop(ctx context.Context, instances, workers int) error {
	if err := s.addInstances(ctx, instances, nowhere(), tagAll); err != nil {
		return err
	}
	return s.startAll(ctx, workers, roleNoop)
}

// startAll starts api, scheduler and workers of a role.
func (s *stage) startAll(ctx context.Context, workers int, kind string) error {
	if err := s.startAPI(ctx); err != nil {
		return err
	}
	if err := s.startScheduler(ctx); err != nil {
		return err
	}
	return s.startWorkers(ctx, workers, kind)
}

func workersOf(n int) string {
	if n == 1 {
		return "1 worker"
	}
	return fmt.Sprintf("%d workers", n)
}
