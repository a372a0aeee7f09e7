package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// silentShare is how many of the instances say nothing: one of so many.
const silentShare = 20

// measureSilent syncs the PostgreSQL fleet alone, and then with silent hosts
// among it, each with one instance: what counts is when the healthy ones are done.
func measureSilent(ctx context.Context, b *bench) (err error) {
	f, err := b.livePostgres(ctx)
	if err != nil {
		return err
	}
	healthy := f.instances - f.instances/silentShare
	hosts, err := newSilentHosts(ctx, max(1, f.instances-healthy))
	if err != nil {
		return err
	}
	defer hosts.close()
	s, err := b.set(ctx, "silent", "")
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	if err := s.addInstances(ctx, healthy, f.target, "healthy"); err != nil {
		return err
	}
	if err := s.startAll(ctx, 1, "worker"); err != nil {
		return err
	}
	if _, err := s.run(ctx, "healthy", syncTime); err != nil { // so that both that count are unchanged runs
		return err
	}
	without, err := s.run(ctx, "healthy", syncTime)
	if err != nil {
		return err
	}
	if err := s.addSilent(ctx, hosts, f.target); err != nil {
		return err
	}
	return s.runBesideSilent(ctx, hosts, without)
}

// runBesideSilent measures a session of all instances until the healthy ones are
// done, and cancels the rest.
func (s *stage) runBesideSilent(ctx context.Context, hosts *silentHosts, without synced) error {
	one, err := s.create(ctx, "mixed")
	if err != nil {
		return err
	}
	err = s.await(ctx, "the healthy instances to be done", syncTime, func(ctx context.Context) (bool, error) {
		return read[bool](ctx, s, `SELECT count(*) = $2 FROM sync_instance_records
			WHERE session_id = $1 AND status = 'completed'`, one.id, without.done)
	})
	if err != nil {
		return err
	}
	most, all, err := s.doneAfter(ctx, one)
	if err != nil {
		return err
	}
	mostAlone, allAlone, err := s.doneAfter(ctx, without)
	if err != nil {
		return err
	}
	note := fmt.Sprintf("1 worker, %d healthy instances, %d silent hosts", without.done, len(hosts.listeners))
	s.b.report.add(
		line{Figure: "silent", Case: "healthy instances", Value: perSecond(without.done, all), Unit: "syncs/s", Note: note}.
			with("without silent ones", perSecond(without.done, allAlone)),
		line{Figure: "silent", Case: "95 % of the healthy done after", Value: ms(most), Unit: "ms"}.with("without silent ones", ms(mostAlone)),
		line{Figure: "silent", Case: "all of the healthy done after", Value: ms(all), Unit: "ms"}.with("without silent ones", ms(allAlone)))
	_, err = s.cancel(ctx, one.id)
	return err
}

// doneAfter tells when 95 % and all of a session's completed records were done.
func (s *stage) doneAfter(ctx context.Context, one synced) (most, all time.Duration, err error) {
	var times [2]time.Time
	err = s.pool.QueryRow(ctx, `
		SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY completed_at), max(completed_at)
		FROM sync_instance_records WHERE session_id = $1 AND status = 'completed'`, one.id).Scan(&times[0], &times[1])
	if err != nil {
		return 0, 0, fmt.Errorf("read when records were done: %w", err)
	}
	return times[0].Sub(one.began), times[1].Sub(one.began), nil
}

// addSilent registers one instance for each silent host, and tags all instances
// of the stage.
func (s *stage) addSilent(ctx context.Context, hosts *silentHosts, like target) error {
	for i, l := range hosts.listeners {
		addr, _ := l.Addr().(*net.TCPAddr) // it listens on tcp
		t := target{engine: like.engine, host: addr.IP.String(), port: addr.Port}
		if err := s.addInstances(ctx, 1, t, fmt.Sprintf("silent%d", i)); err != nil {
			return err
		}
	}
	return s.exec(ctx, `INSERT INTO instance_tags SELECT id, 'mixed' FROM instances`)
}

// silentHosts take connections and never answer, each on an address of its own.
type silentHosts struct {
	listeners []net.Listener
	running   sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func newSilentHosts(ctx context.Context, n int) (*silentHosts, error) {
	h := &silentHosts{}
	for i := range n {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.%d.%d:0", 1+i/250, 1+i%250))
		if err != nil {
			h.close()
			return nil, fmt.Errorf("make silent host: %w", err)
		}
		h.listeners = append(h.listeners, l)
		h.running.Go(func() { h.accept(l) })
	}
	return h, nil
}

func (h *silentHosts) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.conns = append(h.conns, conn)
		h.mu.Unlock()
	}
}

func (h *silentHosts) close() {
	for _, l := range h.listeners {
		_ = l.Close() // nobody comes any more
	}
	h.running.Wait()
	for _, conn := range h.conns {
		_ = conn.Close() // whoever used it has given up
	}
}
