package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// dispatchTime bounds the dispatch of a big session.
const dispatchTime = 3 * time.Minute

// measureDispatch lets the scheduler queue a whole session for workers that are
// only rows: with room for all of it, the rate is the dispatcher's own.
func measureDispatch(ctx context.Context, b *bench) (err error) {
	s, err := b.set(ctx, "dispatch", "")
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	took, err := enqueueTasks(ctx, s.redis, b.tasks)
	if err != nil {
		return err
	}
	bare := perSecond(b.tasks, took)
	if err := s.redis.FlushAll(ctx).Err(); err != nil {
		return fmt.Errorf("empty redis: %w", err)
	}
	if err := s.addInstances(ctx, b.big, nowhere(), tagAll); err != nil {
		return err
	}
	if err := s.startAPI(ctx); err != nil {
		return err
	}
	one, err := s.create(ctx, tagAll)
	if err != nil {
		return err
	}
	if err := s.pretendWorker(ctx, one); err != nil {
		return err
	}
	before, err := s.cost(ctx)
	if err != nil {
		return err
	}
	rate, err := s.dispatchAll(ctx, b.big)
	if err != nil {
		return err
	}
	after, err := s.cost(ctx)
	if err != nil {
		return err
	}
	spent := after.since(before)
	b.report.add(
		line{
			Figure: "dispatch", Case: count(b.big) + " records", Value: rate, Unit: "records/s",
			Note: "from the first round's start until all are in Redis",
		}.with(fmt.Sprintf("bare Client.Enqueue, %d goroutines", tasksEnqueuers), bare),
		line{Figure: "dispatch", Case: "Postgres time", Value: ms(spent.took) / float64(b.big), Unit: "ms/record"})
	return nil
}

// pretendWorker adds a worker with room for everything, and proves the login,
// which would hold the session's first round back.
func (s *stage) pretendWorker(ctx context.Context, one synced) error {
	err := s.exec(ctx, `
		INSERT INTO workers (id, hostname, pid, version, queues, concurrency, lease_until)
		VALUES (gen_random_uuid(), 'bench', 1, 'bench', ARRAY['account'], $1, now() + interval '1 hour')`, s.b.big)
	if err != nil {
		return err
	}
	return s.exec(ctx, `INSERT INTO session_logins (session_id, credential_id, credential_version) VALUES ($1, $2, 1)`,
		one.id, s.credential)
}

// dispatchAll starts the scheduler and waits until all records are queued. It
// returns how many a second that were.
func (s *stage) dispatchAll(ctx context.Context, records int) (float64, error) {
	if err := s.startScheduler(ctx); err != nil {
		return 0, err
	}
	err := s.await(ctx, "all records to be queued", dispatchTime, func(ctx context.Context) (bool, error) {
		n, err := s.redis.LLen(ctx, "asynq:{"+string(session.Account)+"}:pending").Result()
		return n >= int64(records), err
	})
	if err != nil {
		return 0, err
	}
	ended := time.Now()
	began, err := read[time.Time](ctx, s, `SELECT min(queued_at) FROM sync_instance_records`)
	return perSecond(records, ended.Sub(began)), err
}
