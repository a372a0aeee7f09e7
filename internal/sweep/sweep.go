// Package sweep closes what nobody closes by itself: records of dead workers
// and stuck attempts, leftovers of a cancel, hopeless records, ended sessions.
// It also deletes what is too old to be kept. It loops; every step is one guarded
// transaction of the store, so that any number of sweepers may run beside each other and beside the workers.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

// Store is what the sweeper needs of Postgres. While that cannot be asked, its
// errors are session.ErrAway.
type Store interface {
	CancelLeftovers(ctx context.Context) (int64, error)
	Reap(ctx context.Context) (workers, records int, err error)
	ReapStuck(ctx context.Context) (int, error)
	FailHopeless(ctx context.Context, connect time.Duration) (int64, error)
	FinishSessions(ctx context.Context) (int, error)
	KeepMonths(ctx context.Context) error
}

// Sweeper sweeps. All exported fields are required.
type Sweeper struct {
	Store    Store
	Ping     func(context.Context) error // whether Postgres answers
	Settings func(context.Context) (setting.Settings, error)
	Metrics  *telemetry.Metrics
	Log      *slog.Logger

	calmUntil time.Time // no worker is declared dead before
	monthsAt  time.Time // when partitions were last looked at
}

const (
	sweepEvery = 2 * time.Second
	stepTime   = 15 * time.Second // less than a lease, so that no outage goes unnoticed behind a slow step
	pingTime   = 3 * time.Second
	monthsEach = time.Hour
)

// Run sweeps until ctx ends. After its own start and after an outage of
// Postgres it waits one lease before it declares anybody dead, so that live
// workers renew first.
func (s *Sweeper) Run(ctx context.Context) error {
	s.calmUntil = time.Now().Add(session.WorkerLease)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.pass(ctx); err != nil && ctx.Err() == nil {
			if errors.Is(err, session.ErrAway) {
				s.calmUntil = time.Now().Add(session.WorkerLease)
			}
			s.Log.WarnContext(ctx, "sweep incomplete: the next pass tries again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// pass makes one round in the order that matters: what a cancel left behind is
// closed before its session is looked at. A step that fails, or takes too long,
// does not keep the others from their work, unless Postgres is away.
func (s *Sweeper) pass(ctx context.Context) error {
	set, err := s.Settings(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, step := range []func(context.Context) error{
		s.cancelLeftovers,
		s.reap,
		func(ctx context.Context) error { return s.failHopeless(ctx, set.ConnectTimeout) },
		s.finish,
		s.keepMonths,
	} {
		err := s.limited(ctx, step)
		faults = append(faults, err)
		if errors.Is(err, session.ErrAway) || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(faults...)
}

// limited runs one step within its time. When that was not enough, it looks
// whether Postgres is slow, or away without a word.
func (s *Sweeper) limited(ctx context.Context, step func(context.Context) error) error {
	limited, cancel := context.WithTimeoutCause(ctx, stepTime, fmt.Errorf("sweep: a step over %s", stepTime))
	defer cancel()
	err := step(limited)
	if err == nil || limited.Err() == nil || ctx.Err() != nil {
		return err
	}
	err = errors.Join(context.Cause(limited), err)
	ping, cancel := context.WithTimeoutCause(ctx, pingTime, fmt.Errorf("no answer within %s", pingTime))
	defer cancel()
	if silent := s.Ping(ping); silent != nil {
		return errors.Join(session.ErrAway, silent, err)
	}
	return err
}

func (s *Sweeper) cancelLeftovers(ctx context.Context) error {
	_, err := s.Store.CancelLeftovers(ctx)
	return err
}

func (s *Sweeper) failHopeless(ctx context.Context, connect time.Duration) error {
	n, err := s.Store.FailHopeless(ctx, connect)
	if n > 0 {
		s.Log.WarnContext(ctx, "records given up without a try", "records", n)
	}
	return err
}

func (s *Sweeper) finish(ctx context.Context) error {
	n, err := s.Store.FinishSessions(ctx)
	if n > 0 {
		s.Log.InfoContext(ctx, "sessions ended", "sessions", n)
	}
	return err
}

func (s *Sweeper) reap(ctx context.Context) error {
	stuck, err := s.Store.ReapStuck(ctx)
	s.Metrics.Reaped.WithLabelValues("stuck").Add(float64(stuck))
	if errors.Is(err, session.ErrAway) || time.Now().Before(s.calmUntil) {
		return err
	}
	workers, records, reapErr := s.Store.Reap(ctx)
	s.Metrics.Reaped.WithLabelValues("lost").Add(float64(records))
	if workers+records > 0 {
		s.Log.WarnContext(ctx, "took back what dead workers held", "workers", workers, "records", records)
	}
	return errors.Join(err, reapErr)
}

// keepMonths makes sure that the partitions of the months ahead exist.
func (s *Sweeper) keepMonths(ctx context.Context) error {
	if time.Since(s.monthsAt) < monthsEach {
		return nil
	}
	if err := s.Store.KeepMonths(ctx); err != nil {
		return err
	}
	s.monthsAt = time.Now()
	return nil
}
