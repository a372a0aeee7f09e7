package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/queue"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

// base is what every process has: connections that are made when first used,
// and a gate that waits until they can be.
type base struct {
	cfg      config.Config
	log      *slog.Logger
	pool     *pgxpool.Pool
	store    *store.Store
	redis    redis.UniversalClient
	queue    *queue.Client
	settings *setting.Cache
	metrics  *telemetry.Metrics
	gate     *gate

	schemaFits atomic.Bool // it has been seen once
	redisInUse bool        // fetchers that wait for Redis still use it: only the process's end may close it
}

// Limits of our own statements; no control query of ours needs more.
const (
	statementTimeout = "30s"
	lockTimeout      = "5s"
	idleInTxTimeout  = "15s"
	connectTimeout   = 5 * time.Second
)

// open builds the base without touching the network.
func open(ctx context.Context, cfg config.Config, log *slog.Logger, spare int) (*base, error) {
	pool, err := openPool(ctx, cfg, spare)
	if err != nil {
		return nil, err
	}
	client, err := queue.Open(cfg.RedisURL.Reveal())
	if err != nil {
		pool.Close()
		return nil, err
	}
	b := &base{
		cfg: cfg, log: log, pool: pool, store: store.New(pool),
		redis: client, queue: queue.NewClient(client), metrics: telemetry.New(),
	}
	b.store.Serves = Serves()
	b.metrics.WatchPool(func() telemetry.PoolUse { return poolUse(pool.Stat()) })
	b.settings = &setting.Cache{Load: b.store.Settings}
	b.gate = newGate(log, check{"postgres", b.checkSchema}, check{"redis", b.queue.Ping})
	return b, nil
}

// run opens a base and does work on it, beside the monitor: work begins once
// everything that it needs is there, and the monitor answers until it has ended,
// so that a process which drains is not taken for dead.
func run(ctx context.Context, cfg config.Config, log *slog.Logger, spare int, work func(context.Context, *base) error) (err error) {
	b, err := open(ctx, cfg, log, spare)
	if err != nil {
		return err
	}
	defer func() { err = joinClose(err, b) }()
	watched, ended := context.WithCancel(context.WithoutCancel(ctx))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.monitor(watched, nil, nil) })
	group.Go(func() error {
		defer ended()
		if !b.gate.wait(ctx) {
			return nil
		}
		return work(ctx, b)
	})
	return group.Wait()
}

// openPool keeps spare connections of the budget for others.
func openPool(ctx context.Context, cfg config.Config, spare int) (*pgxpool.Pool, error) {
	c, err := parseDatabaseURL(cfg.DatabaseURL)
	if err != nil {
		return nil, err
	}
	c.MaxConns = int32(max(1, cfg.DBConns-spare))
	c.ConnConfig.ConnectTimeout = connectTimeout
	params := c.ConnConfig.RuntimeParams
	params["application_name"] = "dbfleet-" + string(cfg.Role)
	params["statement_timeout"] = statementTimeout
	params["lock_timeout"] = lockTimeout
	params["idle_in_transaction_session_timeout"] = idleInTxTimeout
	params["timezone"] = "UTC"
	params["jit"] = "off" // compiling our loops' statements takes a second, running them milliseconds
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("make pool: %w", err)
	}
	return pool, nil
}

func poolUse(s *pgxpool.Stat) telemetry.PoolUse {
	return telemetry.PoolUse{
		Busy: int(s.AcquiredConns()), Idle: int(s.IdleConns()), Max: int(s.MaxConns()),
		Waits: s.EmptyAcquireCount(), WaitedSeconds: s.EmptyAcquireWaitTime().Seconds(),
	}
}

func (b *base) close() error {
	b.pool.Close()
	if b.redisInUse {
		return nil
	}
	return b.redis.Close()
}

// checkSchema forgives a schema that has become newer since it fitted: during an
// upgrade the old processes go on until they are replaced.
func (b *base) checkSchema(ctx context.Context) error {
	err := b.store.CheckSchema(ctx)
	switch {
	case err == nil:
		b.schemaFits.Store(true)
	case errors.Is(err, store.ErrNewerSchema) && b.schemaFits.Load():
		return nil
	}
	return err
}

// policy is the allow list for targets without our own servers.
func (b *base) policy(ctx context.Context, addrs ...string) (netguard.Policy, error) {
	addrs = slices.DeleteFunc(addrs, func(addr string) bool { return strings.HasSuffix(addr, ":0") }) // not known before it listens
	own, err := netguard.Own(ctx, net.DefaultResolver, append(b.ownServers(), addrs...)...)
	if err != nil {
		return netguard.Policy{}, fmt.Errorf("find the addresses of our own servers: %w", err)
	}
	return b.cfg.TargetAllow.Deny(own...), nil
}

// ownServers are Postgres and Redis as host:port.
func (b *base) ownServers() []string {
	return append(postgresServers(b.pool.Config().ConnConfig), queue.Addrs(b.cfg.RedisURL.Reveal())...)
}
