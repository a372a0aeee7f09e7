package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

// Old is what the purger needs of Postgres.
type Old interface {
	DeleteOldSession(ctx context.Context, days int) (records int, found bool, err error)
	DeleteOldFires(ctx context.Context, days int) (int64, error)
	DropAuditMonth(ctx context.Context, keep int) (string, error)
}

// Purger deletes what is older than the settings keep. It loops beside the
// sweeper, so that nothing urgent waits for it. All fields are required.
type Purger struct {
	Store    Old
	Settings func(context.Context) (setting.Settings, error)
	Metrics  *telemetry.Metrics
	Log      *slog.Logger
}

// What one pass deletes at most; a transaction holds one session or one batch.
const (
	purgeEvery   = time.Minute
	purgeTime    = 50 * time.Second
	purgeRounds  = 100
	purgeRecords = 200_000
)

// Run purges until ctx ends.
func (p *Purger) Run(ctx context.Context) error {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := p.pass(ctx); err != nil && ctx.Err() == nil {
			p.Log.WarnContext(ctx, "old data not deleted: the next pass tries again", "err", err)
		}
	}
}

func (p *Purger) pass(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, purgeTime, fmt.Errorf("delete old data: over %s", purgeTime))
	defer cancel()
	set, err := p.Settings(ctx)
	if err != nil {
		return err
	}
	var faults []error
	if set.SessionsDays > 0 {
		faults = append(faults, p.sessions(ctx, set.SessionsDays))
	}
	if set.FiresDays > 0 {
		faults = append(faults, p.fires(ctx, set.FiresDays))
	}
	if set.AuditMonths > 0 {
		faults = append(faults, p.auditMonth(ctx, set.AuditMonths))
	}
	return errors.Join(faults...)
}

func (p *Purger) sessions(ctx context.Context, days int) error {
	sessions, records := 0, 0
	defer func() {
		p.count("session", sessions)
		p.count("record", records)
		if sessions > 0 {
			p.Log.InfoContext(ctx, "old sessions deleted", "sessions", sessions, "records", records)
		}
	}()
	for sessions < purgeRounds && records < purgeRecords {
		n, found, err := p.Store.DeleteOldSession(ctx, days)
		if err != nil || !found {
			return err
		}
		sessions, records = sessions+1, records+n
	}
	return nil
}

func (p *Purger) fires(ctx context.Context, days int) error {
	for range purgeRounds {
		n, err := p.Store.DeleteOldFires(ctx, days)
		if err != nil || n == 0 {
			return err
		}
		p.count("fire", int(n))
	}
	return nil
}

func (p *Purger) auditMonth(ctx context.Context, keep int) error {
	dropped, err := p.Store.DropAuditMonth(ctx, keep)
	if dropped != "" && err == nil {
		p.count("audit_month", 1)
		p.Log.InfoContext(ctx, "old month of the audit trail dropped", "month", dropped)
	}
	return err
}

func (p *Purger) count(kind string, n int) {
	p.Metrics.Purged.WithLabelValues(kind).Add(float64(n))
}
