package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/setting"
)

// pace keeps the limits of the API where a request can read them without
// waiting for Postgres.
type pace struct {
	settings func(context.Context) (setting.Settings, error)
	current  atomic.Pointer[httpserver.Rate]
}

// newPace starts with the defaults.
func newPace(settings func(context.Context) (setting.Settings, error)) *pace {
	p := &pace{settings: settings}
	p.set(setting.Defaults())
	return p
}

func (p *pace) rate() httpserver.Rate { return *p.current.Load() }

func (p *pace) set(s setting.Settings) {
	p.current.Store(&httpserver.Rate{
		PerSecond: s.RequestRate, Burst: s.RequestBurst, FailedLogins: s.FailedLogins,
		Streams: s.Streams, StreamsPerUser: s.StreamsPerUser,
	})
}

// paceAge is how often the settings are looked at, which the cache answers: both
// together stay within the ten seconds in which every process follows a change.
const paceAge = 2 * time.Second

// follow takes over what is set until ctx ends. While the settings cannot be
// read, the last ones stay.
func (p *pace) follow(ctx context.Context) error {
	tick := time.NewTicker(paceAge)
	defer tick.Stop()
	for {
		if s, err := p.settings(ctx); err == nil {
			p.set(s)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
