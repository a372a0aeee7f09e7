package app

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/doctor"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/queue"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/migrations"
)

// doctorConns is enough for one question at a time and a listener beside it.
const doctorConns = 2

// Doctor implements cli.Local.
func (l Local) Doctor(ctx context.Context) ([]doctor.Finding, error) {
	told, err := config.LoadCheckup(l.Environ)
	err = errors.Join(err, checkURLs(config.Config{DatabaseURL: told.DatabaseURL, RedisURL: told.RedisURL}))
	p := doctor.Patient{
		Unset: told.Unset, Serves: Serves(), Resolver: net.DefaultResolver, Now: time.Now,
		Pools: doctor.Pools{API: told.APIConns, Worker: told.WorkerConns, Scheduler: told.SchedulerConns},
		Keys:  doctor.Keys{Public: told.PublicKey.ID()},
	}
	for _, fault := range invalid.All(err) {
		p.Faults = append(p.Faults, fault)
	}
	if p.Schema, err = migrations.Latest(); err != nil {
		return nil, err
	}
	if ring := told.Keys.IDs(); len(ring) > 0 {
		p.Keys.Private = ring
		if info, err := os.Stat(told.KeyFile); err == nil { // it was there a moment ago
			p.Keys.Mode = info.Mode()
		}
	}
	return examine(ctx, p, told)
}

// examine opens what the configuration names. Opening does not connect.
func examine(ctx context.Context, p doctor.Patient, told config.Checkup) (found []doctor.Finding, err error) {
	var own []string
	if parsed, err := parseDatabaseURL(told.DatabaseURL); err == nil && told.DatabaseURL.Reveal() != "" {
		pool, err := openPool(ctx, config.Config{Role: "doctor", DatabaseURL: told.DatabaseURL, DBConns: doctorConns}, 0)
		if err != nil {
			return nil, err
		}
		defer pool.Close()
		st := store.New(pool)
		st.Serves = p.Serves
		p.Postgres, p.Records, own = st, st, postgresServers(parsed.ConnConfig)
	}
	if _, err := queue.Options(told.RedisURL.Reveal()); err == nil && told.RedisURL.Reveal() != "" {
		client, err := queue.Open(told.RedisURL.Reveal())
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, client.Close()) }()
		p.Redis, own = queue.NewClient(client), append(own, queue.Addrs(told.RedisURL.Reveal())...)
	}
	p.Allowed = withoutOwn(ctx, told.TargetAllow, own)
	return doctor.Examine(ctx, p), nil
}

// withoutOwn keeps our own servers out, as the workers do; those whose names
// cannot be looked up now stay in.
func withoutOwn(ctx context.Context, allowed *netguard.Policy, own []string) *netguard.Policy {
	if allowed == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	policy := *allowed
	for _, server := range own {
		if addrs, err := netguard.Own(ctx, net.DefaultResolver, server); err == nil {
			policy = policy.Deny(addrs...)
		}
	}
	return &policy
}
