package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/httpapi"
	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/oldapi"
	"github.com/dbfleet/dbfleet/internal/queue"
	"github.com/dbfleet/dbfleet/internal/store"
)

// runAPI serves the API and the monitor until ctx ends. It listens at once:
// until Postgres and Redis are there, requests are told to come back.
func runAPI(ctx, _ context.Context, cfg config.Config, log *slog.Logger) (err error) {
	b, err := open(ctx, cfg, log, 0)
	if err != nil {
		return err
	}
	defer func() { err = joinClose(err, b) }()
	listener, err := listen(ctx, cfg.HTTPAddr)
	if err != nil {
		return err
	}
	pace := newPace(b.settings.Settings)
	limiter := httpserver.NewLimiter(pace.rate)
	b.metrics.WatchStreams(limiter.Streams)
	server, err := b.server(ctx, listener.Addr().String(), limiter)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "api listening", "addr", listener.Addr().String())
	queues, err := queue.Options(cfg.RedisURL.Reveal())
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Run(ctx, listener) })
	group.Go(func() error { return b.monitor(ctx, queues, limiter) })
	group.Go(func() error { return pace.follow(ctx) })
	group.Go(func() error { b.gate.wait(ctx); return nil })
	return group.Wait()
}

// server is the HTTP server with every route.
func (b *base) server(ctx context.Context, addr string, limiter *httpserver.Limiter) (*httpserver.Server, error) {
	policy, err := b.policy(ctx, addr, b.cfg.MonitorAddr)
	if err != nil {
		b.log.WarnContext(ctx, "our own servers are not kept out of the check on save; the workers check again", "err", err)
		policy = b.cfg.TargetAllow
	}
	api, err := httpapi.New(httpapi.Services{
		Sessions: b.store, Instances: b.store, Removed: b.store, Bulk: b.store, Imports: b.store, Credentials: b.store,
		Accounts: b.store, Holds: b.store, Schedules: b.store, Settings: b.store, Workers: b.store,
		Users: b.store, Tokens: b.store, Audit: b.store,
		Log: b.log, Key: b.cfg.PublicKey, Policy: policy, Resolver: net.DefaultResolver,
	})
	if err != nil {
		return nil, fmt.Errorf("make the API: %w", err)
	}
	server := httpserver.New(httpserver.Config{
		Log: b.log, Users: b.store, Auditor: b.store, Unavailable: b.unavailable, TimedOut: store.TimedOut,
		TrustedProxies: b.cfg.TrustedProxies, Limiter: limiter, Timeouts: httpserver.Timeouts{Shutdown: b.cfg.DrainTimeout},
	})
	api.Register(server)
	(&oldapi.API{Sessions: b.store, Settings: b.settings.Settings}).Register(server)
	server.ServeHealth(b.health())
	return server, nil
}
