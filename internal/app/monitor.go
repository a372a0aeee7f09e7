package app

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/hibiken/asynq"

	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/pages"
	"github.com/dbfleet/dbfleet/internal/queue"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/store"
)

// monitor serves health and metrics, and with queues also Asynqmon, on the
// monitor address until ctx ends.
func (b *base) monitor(ctx context.Context, queues asynq.RedisConnOpt, limiter *httpserver.Limiter) (err error) {
	listener, err := listen(ctx, b.cfg.MonitorAddr)
	if err != nil {
		return err
	}
	b.log.InfoContext(ctx, "monitor listening", "addr", listener.Addr().String())
	m := httpserver.NewMonitor(httpserver.MonitorConfig{
		Log: b.log, Health: b.health(), Metrics: b.metrics.Handler(),
		Redis: queues, Users: b.store, Auditor: b.store, Unavailable: b.unavailable, Limiter: limiter, Payload: queue.Describe,
		TrustedProxies: b.cfg.TrustedProxies,
		Pages:          pages.New(pages.Config{Sessions: b.store, Log: b.log, Unavailable: b.unavailable}), Links: links(),
	})
	defer func() { err = errors.Join(err, m.Close()) }()
	return m.Run(ctx, listener)
}

// links lead from Asynqmon to the sessions, for each of its queues too: they
// have the names of the categories.
func links() []httpserver.Link {
	list := []httpserver.Link{{Text: "Sessions", Path: "/sessions"}}
	for _, c := range session.Categories() {
		list = append(list, httpserver.Link{Text: string(c), Path: "/sessions?category=" + string(c)})
	}
	return list
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// health says what is missing without addresses or the words of a driver:
// everybody who reaches the monitor may read it.
func (b *base) health() httpserver.Health {
	checks := map[string]func(context.Context) error{}
	for _, c := range b.gate.checks {
		checks[c.name] = httpserver.Shared(func(ctx context.Context) error { return plain(c.name, c.do(ctx)) })
	}
	return httpserver.Health{Checks: checks}
}

func plain(name string, err error) error {
	if err == nil || errors.Is(err, store.ErrSchema) {
		return err
	}
	return fmt.Errorf("%s cannot be reached: the log has the reason", name)
}

// unavailable also counts what goes wrong before the schema fits: the caller
// is told to come back.
func (b *base) unavailable(err error) bool {
	return store.Unavailable(err) || store.Busy(err) || !b.gate.isOpen()
}

func joinClose(err error, b *base) error { return errors.Join(err, b.close()) }
