package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// check is one thing that must be there before a process can work.
type check struct {
	name string
	do   func(context.Context) error
}

// gate waits for what a process needs.
type gate struct {
	log    *slog.Logger
	checks []check
	opened chan struct{}
}

const (
	gateEvery    = 500 * time.Millisecond
	gateLogEvery = 4 * time.Second // and the time of a failing check: some five
	checkTime    = 2 * time.Second
)

func newGate(log *slog.Logger, checks ...check) *gate {
	return &gate{log: log, checks: checks, opened: make(chan struct{})}
}

// wait blocks until every check passes, with one log line per five seconds. It
// returns false when ctx ends first. It is called once.
func (g *gate) wait(ctx context.Context) bool {
	var logged time.Time
	for {
		err := g.missing(ctx)
		if err == nil {
			close(g.opened)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if time.Since(logged) >= gateLogEvery {
			logged = time.Now()
			g.log.WarnContext(ctx, "waiting", "err", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(gateEvery):
		}
	}
}

// missing names the first check that fails.
func (g *gate) missing(ctx context.Context) error {
	for _, c := range g.checks {
		if err := c.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c check) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTime, fmt.Errorf("no answer within %s", checkTime))
	defer cancel()
	if err := c.do(ctx); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// isOpen reports whether everything was there once.
func (g *gate) isOpen() bool {
	select {
	case <-g.opened:
		return true
	default:
		return false
	}
}
