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
	"github.com/dbfleet/dbfleet/internal/queue"
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
	server, err := b.server(ctx, listener.Addr().String())
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
	group.Go(func() error { return b.monitor(ctx, queues) })
	group.Go(func() error { b.gate.wait(ctx); return nil })
	return group.Wait()
}

// server is the HTTP server with every route.
func (b *base) server(ctx context.Context, addr string) (*httpserver.Server, error) {
	policy, err := b.policy(ctx, addr, b.cfg.MonitorAddr)
	if err != nil {
		b.log.WarnContext(ctx, "our own servers are not kept out of the check on save; the workers check again", "err", err)
		policy = b.cfg.TargetAllow
	}
	api, err := httpapi.New(httpapi.Services{
		Sessions: b.store, Instances: b.store, Credentials: b.store, Accounts: b.store, Holds: b.store,
		Settings: b.store, Workers: b.store,
		Key: b.cfg.PublicKey, Policy: policy, Resolver: net.DefaultResolver,
	})
	if err != nil {
		return nil, fmt.Errorf("make the API: %w", err)
	}
	server := httpserver.New(httpserver.Config{
		Log: b.log, Users: b.store, Auditor: b.store, Unavailable: b.unavailable, TrustedProxies: b.cfg.TrustedProxies,
	})
	api.Register(server)
	server.ServeHealth(b.health())
	return server, nil
}
