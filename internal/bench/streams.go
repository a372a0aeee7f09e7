package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/user"
)

const (
	streamUsers = 20               // share the clients
	changeTime  = 30 * time.Second // until all clients have seen a change
)

// measureStreams lets many clients follow a session that a worker works off,
// and tells what that costs the api and when a change reaches them.
func measureStreams(ctx context.Context, b *bench) (err error) {
	s, err := b.set(ctx, "streams", "")
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	if err := s.startNoop(ctx, b.running, 1); err != nil {
		return err
	}
	one, err := s.create(ctx, tagAll)
	if err != nil {
		return err
	}
	before := s.resident("api")
	a := newAudience(b.streams)
	defer a.close()
	if err := s.follow(ctx, one.id, a); err != nil {
		return err
	}
	delays, err := s.changeAll(ctx, one.id, a)
	if err != nil {
		return err
	}
	s.reportStreams(a, before, delays)
	_, err = s.cancel(ctx, one.id)
	return err
}

// follow opens all streams and waits until each has had its first event.
func (s *stage) follow(ctx context.Context, id uuid.UUID, a *audience) error {
	watchers, err := s.watchers(ctx)
	if err != nil {
		return err
	}
	done := a.expect(0)
	open, stop := context.WithCancel(ctx)
	a.stop = stop
	for i := range a.events {
		a.join(open, i, func(ctx context.Context) (*http.Response, error) {
			return watchers[i%len(watchers)].StreamSyncSession(ctx, id, &client.StreamSyncSessionParams{})
		})
	}
	return a.await(ctx, done)
}

// watchers are clients of the API without a limit to an answer's time, each of
// a user of its own.
func (s *stage) watchers(ctx context.Context) ([]*client.Client, error) {
	all := make([]*client.Client, streamUsers)
	for i := range all {
		token, err := store.New(s.pool).CreateToken(ctx, store.NewToken{User: fmt.Sprintf("watcher-%d", i), Role: user.Viewer})
		if err != nil {
			return nil, err
		}
		all[i], err = client.NewClient(s.url, client.WithHTTPClient(&http.Client{Transport: &http.Transport{}}),
			client.WithRequestEditorFn(client.Bearer(token.Reveal())))
		if err != nil {
			return nil, fmt.Errorf("make API client: %w", err)
		}
	}
	return all, nil
}

// changeAll changes the session some times, each time at another moment of a
// second, and returns how long each change took to reach each client.
func (s *stage) changeAll(ctx context.Context, id uuid.UUID, a *audience) ([]time.Duration, error) {
	a.count()
	for k := range s.b.changes {
		pause := time.Duration(k*370%1000) * time.Millisecond
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
		done := a.expect(k + 1)
		if err := s.skipOne(ctx, id); err != nil {
			return nil, err
		}
		if err := a.await(ctx, done); err != nil {
			return nil, fmt.Errorf("change %d: %w", k+1, err)
		}
	}
	return a.delays(), nil
}

// skipOne ends one record in the only state that the worker never brings about.
func (s *stage) skipOne(ctx context.Context, id uuid.UUID) error {
	tag, err := s.pool.Exec(ctx, `
		UPDATE sync_instance_records SET status = 'skipped', completed_at = now()
		WHERE status = 'pending' AND id = (SELECT id FROM sync_instance_records
			WHERE session_id = $1 AND status = 'pending' ORDER BY id DESC LIMIT 1 FOR UPDATE SKIP LOCKED)`, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = errors.New("no record is pending")
	}
	if err != nil {
		return fmt.Errorf("skip a record: %w", err)
	}
	return nil
}

func (s *stage) reportStreams(a *audience, before int64, delays []time.Duration) {
	add := func(l line) {
		l.Figure, l.Case = "streams", count(len(a.events))+" clients, "+l.Case
		s.b.report.add(l)
	}
	add(line{Case: "memory of the api", Value: float64(s.resident("api")) / mebibyte, Unit: "MB", Note: "resident"}.
		with("without clients", float64(before)/mebibyte))
	note := fmt.Sprintf("%d changes, the session runs", s.b.changes)
	for _, p := range []struct {
		name string
		at   float64
	}{{"p50", 0.50}, {"p95", 0.95}, {"most", 1}} {
		add(line{Case: "from a change until it is there, " + p.name, Value: ms(percentile(delays, p.at)), Unit: "ms", Note: note})
		note = ""
	}
	add(line{Case: "events to each", Value: a.rate(), Unit: "/s", Note: "to the one that got most"})
}
