package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/collector/postgres"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// reader reads a target's accounts; both collectors do.
type reader interface {
	ReadAccounts(context.Context, fleet.Target, fleet.Limits, func(context.Context)) (account.Snapshot, error)
}

// newReader returns the collector of an engine.
func newReader(engine fleet.Engine) (reader, error) {
	policy, err := netguard.ParsePolicy("127.0.0.0/8:*")
	if err != nil {
		return nil, err
	}
	dialer := &netguard.Dialer{Policy: policy}
	if engine == fleet.MySQL {
		return mysql.New(dialer, nil), nil
	}
	return postgres.New(dialer, nil)
}

// bareReads reads a target n times, so many at once, and stores nothing. It
// returns how many reads a second that are.
func bareReads(ctx context.Context, t target, n, atOnce int) (float64, error) {
	r, err := newReader(t.engine)
	if err != nil {
		return 0, err
	}
	var next atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range atOnce {
		group.Go(func() error {
			for {
				i := next.Add(1)
				if i > int64(n) {
					return nil
				}
				if _, err := r.ReadAccounts(ctx, t.login(int(i)), fleet.Limits{}, nil); err != nil {
					return fmt.Errorf("bare read %d: %w", i, err)
				}
			}
		})
	}
	err = group.Wait()
	return perSecond(n, time.Since(began)), err
}

// login is the target as a record would have it.
func (t target) login(number int) fleet.Target {
	return fleet.Target{
		InstanceID: fleet.InstanceID(number), Host: t.host, Port: t.port, TLSMode: fleet.TLSDisable, Engine: t.engine,
		Username: testdb.FleetUser, Password: secret.New(testdb.FleetPassword), AppName: fmt.Sprintf("dbfleet/bench/%d/1", number),
	}
}
