package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/dbfleet/dbfleet/internal/session"
)

// Handler works on a ticket and returns when it is done with it.
type Handler func(context.Context, session.Ticket)

// ServerConfig is what a Server is made of; every field is required.
type ServerConfig struct {
	Redis       redis.UniversalClient // stays the caller's
	Categories  []session.Category    // whose queues are served, with equal weight
	Concurrency int                   // tickets at a time, over all fetchers
	Fetchers    int                   // 1 … Concurrency; each fetches one task per round trip
	Handle      Handler
	Dropped     func(reason string) // counts what is not ours
	Log         *slog.Logger
}

// Server fetches tickets and hands them out.
type Server struct {
	fetchers []*asynq.Server
}

const (
	// pollEvery is how often an idle fetcher looks into its queues.
	pollEvery = 300 * time.Millisecond
	// requeueAfter is short because the runner has drained before Shutdown.
	requeueAfter = time.Second
)

// Serve starts the fetchers. Call Stop and then Shutdown.
func Serve(c ServerConfig) (*Server, error) {
	s, log := &Server{}, newLogger(c.Log)
	for i := range c.Fetchers {
		f := asynq.NewServerFromRedisClient(c.Redis, asynq.Config{
			Concurrency:       share(c.Concurrency, c.Fetchers, i),
			Queues:            weights(c.Categories),
			TaskCheckInterval: pollEvery,
			ShutdownTimeout:   requeueAfter,
			Logger:            log,
			LogLevel:          asynq.InfoLevel,
		})
		if err := f.Start(handler(c)); err != nil {
			s.Shutdown()
			return nil, fmt.Errorf("start fetcher %d: %w", i, err)
		}
		s.fetchers = append(s.fetchers, f)
	}
	return s, nil
}

// share deals total out over n, the i-th part.
func share(total, n, i int) int {
	part := total / n
	if i < total%n {
		part++
	}
	return part
}

func weights(categories []session.Category) map[string]int {
	queues := map[string]int{}
	for _, c := range categories {
		queues[string(c)] = 1
	}
	return queues
}

// handler never returns an error: retries belong to Postgres, and asynq's
// archive stays empty.
func handler(c ServerConfig) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		queue, _ := asynq.GetQueueName(ctx)
		ticket, err := decode(task, session.Category(queue))
		if err != nil {
			c.Dropped("garbage")
			c.Log.WarnContext(ctx, "task dropped", "err", err)
			return nil
		}
		c.Handle(ctx, ticket)
		return nil
	})
}

// Limits of Stop and Shutdown: with a Redis that hangs, asynq waits for one
// answer after the other before it looks up.
const (
	stopTime     = 2 * time.Second
	shutdownTime = 5 * time.Second
)

// Stop ends fetching; what is being handled goes on. A fetcher that waits for
// Redis stops when that answers.
func (s *Server) Stop() { _ = s.each((*asynq.Server).Stop, stopTime) } // late is fine

// Shutdown stops and waits for the handlers, which must have returned or be
// about to. It gives up on a Redis that does not answer; what asynq then leaves
// behind there, its own leases end. False says that it has given up: fetchers
// still use the connection to Redis, and panic when that is closed.
func (s *Server) Shutdown() bool { return s.each((*asynq.Server).Shutdown, shutdownTime) }

// each does something to all fetchers at once and waits at most limit. It
// reports whether all were done by then.
func (s *Server) each(do func(*asynq.Server), limit time.Duration) bool {
	var all sync.WaitGroup
	for _, f := range s.fetchers {
		all.Go(func() { do(f) })
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}
