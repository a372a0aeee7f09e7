package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/queue"
)

// What bare asynq is measured with: the fetchers and the concurrency of a worker
// with its defaults.
const (
	tasksType      = "bench:noop"
	tasksQueue     = "bench"
	tasksFetchers  = 4
	tasksAtOnce    = 64
	tasksEnqueuers = 64
	tasksTimeout   = time.Hour
)

// serveTasks is a process of bare asynq whose handler does nothing. It runs
// until a signal ends it.
func serveTasks(environ []string, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	client, err := queue.Open(variable(environ, "DBFLEET_REDIS_URL"))
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
	defer func() { _ = client.Close() }() // it holds nothing
	var fetchers []*asynq.Server
	for range tasksFetchers {
		f := asynq.NewServerFromRedisClient(client, asynq.Config{
			Concurrency: tasksAtOnce / tasksFetchers, Queues: map[string]int{tasksQueue: 1},
			TaskCheckInterval: 300 * time.Millisecond, LogLevel: asynq.WarnLevel,
		})
		if err := f.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return nil })); err != nil {
			fmt.Fprintln(stderr, "bench:", err)
			return exitFailed
		}
		fetchers = append(fetchers, f)
	}
	<-ctx.Done()
	for _, f := range fetchers {
		f.Shutdown()
	}
	return exitFine
}

func variable(environ []string, name string) string {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// enqueueTasks enqueues n bare tasks and returns the time that took.
func enqueueTasks(ctx context.Context, r redis.UniversalClient, n int) (time.Duration, error) {
	client := asynq.NewClientFromRedisClient(r)
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for worker := range tasksEnqueuers {
		group.Go(func() error {
			for i := worker; i < n; i += tasksEnqueuers {
				body := fmt.Appendf(nil, `{"v":1,"r":%d,"g":1}`, i)
				_, err := client.EnqueueContext(ctx, asynq.NewTask(tasksType, body), asynq.TaskID(fmt.Sprintf("r%d.1", i)),
					asynq.Queue(tasksQueue), asynq.MaxRetry(0), asynq.Timeout(tasksTimeout))
				if err != nil {
					return fmt.Errorf("enqueue task %d: %w", i, err)
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return time.Since(began), err
}

// bareTasks runs n tasks through bare asynq with so many processes and returns
// how many a second that are, enqueueing included.
func (s *stage) bareTasks(ctx context.Context, n, processes int) (float64, error) {
	first := len(s.programs)
	for i := range processes {
		if err := s.start(fmt.Sprintf("tasks-%d", i+1), s.b.self, []string{roleCommand, roleTasks}); err != nil {
			return 0, err
		}
	}
	if err := s.await(ctx, "bare asynq to serve", readyTime, func(ctx context.Context) (bool, error) {
		servers, err := s.redis.ZCard(ctx, "asynq:servers").Result()
		return servers == int64(processes*tasksFetchers), err
	}); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := enqueueTasks(ctx, s.redis, n); err != nil {
		return 0, err
	}
	err := s.await(ctx, "the tasks to be done", 2*time.Minute, func(ctx context.Context) (bool, error) {
		pending, err := s.redis.LLen(ctx, "asynq:{"+tasksQueue+"}:pending").Result()
		if err != nil || pending > 0 {
			return false, err
		}
		active, err := s.redis.LLen(ctx, "asynq:{"+tasksQueue+"}:active").Result()
		return active == 0, err
	})
	rate := perSecond(n, time.Since(began))
	stopAll(ctx, s.programs[first:])
	s.programs = s.programs[:first]
	return rate, err
}
