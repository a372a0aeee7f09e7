package main

import (
	"context"
	"fmt"
	"time"
)

const (
	underWay   = 20 * time.Second // until half of a worker's places read
	cancelTime = time.Minute      // until it has ended after a cancel
)

// measureCancel cancels a big session while a worker reads targets in half of
// its places at least. The targets are behind a line that sees who is connected.
func measureCancel(ctx context.Context, b *bench) (err error) {
	f, err := b.livePostgres(ctx)
	if err != nil {
		return err
	}
	k, err := newLink(ctx, fmt.Sprintf("%s:%d", f.target.host, f.target.port), 0)
	if err != nil {
		return err
	}
	defer k.close()
	s, err := b.set(ctx, "cancel", "")
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	if err := s.addInstances(ctx, b.big, target{engine: f.target.engine, host: "127.0.0.1", port: k.port()}, tagAll); err != nil {
		return err
	}
	if err := s.startAll(ctx, 1, "worker"); err != nil {
		return err
	}
	one, err := s.create(ctx, tagAll)
	if err != nil {
		return err
	}
	err = s.await(ctx, "half of the places to be at a target", underWay, func(context.Context) (bool, error) {
		open, _, _ := k.seen()
		return open >= perWorker/2, nil
	})
	if err != nil {
		return err
	}
	return s.cancelRunning(ctx, one, k)
}

// cancelRunning cancels and waits until nothing is left of the session.
func (s *stage) cancelRunning(ctx context.Context, one synced, k *link) error {
	open, _, _ := k.seen()
	took, err := s.cancel(ctx, one.id)
	if err != nil {
		return err
	}
	answered := time.Now()
	err = s.await(ctx, "the end of the cancelled session", cancelTime, func(ctx context.Context) (bool, error) {
		if open, _, _ := k.seen(); open > 0 {
			return false, nil
		}
		return read[bool](ctx, s, `SELECT completed_at IS NOT NULL FROM sync_sessions WHERE session_id = $1`, one.id)
	})
	if err != nil {
		return err
	}
	var claimed, ended time.Time
	err = s.pool.QueryRow(ctx, `SELECT max(r.started_at), max(s.completed_at)
		FROM sync_instance_records r JOIN sync_sessions s USING (session_id) WHERE session_id = $1`, one.id).Scan(&claimed, &ended)
	if err != nil {
		return fmt.Errorf("read when the session ended: %w", err)
	}
	_, opened, closed := k.seen()
	after := func(what string, at time.Time) line {
		return line{Figure: "cancel", Case: what + ", after the answer", Value: ms(at.Sub(answered)), Unit: "ms"}
	}
	s.b.report.add(
		line{
			Figure: "cancel", Case: count(s.b.big) + " records, time to the answer", Value: ms(took), Unit: "ms",
			Note: fmt.Sprintf("%d target connections open", open),
		},
		after("last claim", claimed), after("last target connection opened", opened),
		after("last target connection closed", closed), after("session ended", ended))
	return nil
}
