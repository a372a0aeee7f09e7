package runner

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/session"
)

// A fakePulse is Postgres as a heart sees it; all connections share it.
type fakePulse struct {
	mu         sync.Mutex // guards what follows
	err        error      // of every call
	lapsed     bool       // the next beat finds the lease over
	stop       []session.RecordID
	registered []session.WorkerID
	left       []session.WorkerID
	beats      int
	opened     int
	closed     int
	slowBeat   bool // a beat lasts until its context ends
	kept       []session.Ticket
}

func (f *fakePulse) open(context.Context) (Pulse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	f.opened++
	return f, nil
}

func (f *fakePulse) Register(_ context.Context, w session.Worker) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.registered = append(f.registered, w.ID)
	return f.err
}

func (f *fakePulse) Beat(ctx context.Context, _ session.WorkerID) ([]session.RecordID, error) {
	f.mu.Lock()
	slow := f.slowBeat
	f.mu.Unlock()
	if slow {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beats++
	if f.lapsed {
		f.lapsed = false
		return nil, session.ErrLeaseOver
	}
	return f.stop, f.err
}

func (f *fakePulse) Keep(_ context.Context, waiting []session.Ticket) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = append(f.kept, waiting...)
	return f.err
}

func (f *fakePulse) Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *fakePulse) Leave(ctx context.Context, id session.WorkerID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = append(f.left, id)
	return ctx.Err()
}

func (f *fakePulse) Close(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

func (f *fakePulse) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// A heartBundle is a heart that beats in a bubble.
type heartBundle struct {
	*Heart
	pulse     *fakePulse
	end       func() // stops it and waits
	abandoned int
	stopped   []session.RecordID
}

func startHeart(t *testing.T) *heartBundle {
	t.Helper()
	b := &heartBundle{pulse: &fakePulse{}}
	b.Heart = NewHeart(b.pulse.open, session.Worker{Hostname: "h", Concurrency: 4}, slog.New(slog.DiscardHandler))
	b.Stop = func(ids []session.RecordID) { b.stopped = append(b.stopped, ids...) }
	b.Abandon = func() { b.abandoned++ }
	b.Waiting = func() []session.Ticket { return []session.Ticket{{Record: 7, Gen: 2}} }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	b.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(b.end)
	<-b.Ready()
	return b
}

func TestHeartBeatsAndLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := startHeart(t)
		<-time.After(time.Minute + time.Second)
		b.end()
		if len(b.pulse.registered) != 1 || b.pulse.beats != 15 {
			t.Errorf("registered %d times, %d beats in a minute", len(b.pulse.registered), b.pulse.beats)
		}
		if !slices.Equal(b.pulse.left, []session.WorkerID{b.ID()}) || b.ID() == uuid.Nil {
			t.Errorf("left as %v, was %v", b.pulse.left, b.ID())
		}
		if len(b.pulse.kept) != 15 || b.pulse.kept[0] != (session.Ticket{Record: 7, Gen: 2}) {
			t.Errorf("named as waiting %v", b.pulse.kept)
		}
		if b.pulse.opened != b.pulse.closed {
			t.Errorf("opened %d connections, closed %d", b.pulse.opened, b.pulse.closed)
		}
	})
}

func TestHeartLeavesWhenStoppedInTheMiddleOfABeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := startHeart(t)
		b.pulse.change(func() { b.pulse.slowBeat = true })
		<-time.After(session.Heartbeat + time.Second)
		synctest.Wait()
		b.end()
		if len(b.pulse.left) != 1 {
			t.Errorf("left %d times, want once", len(b.pulse.left))
		}
	})
}

func TestHeartComesBackUnderANewLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := startHeart(t)
		first := b.ID()
		b.pulse.change(func() { b.pulse.lapsed = true })
		<-time.After(session.Heartbeat + time.Second)
		synctest.Wait()
		if b.ID() == first || b.abandoned != 1 || len(b.pulse.registered) != 2 {
			t.Errorf("same life: %v, abandoned %d times, registered %d times", b.ID() == first, b.abandoned, len(b.pulse.registered))
		}
	})
}

func TestHeartOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := startHeart(t)
		first := b.ID()
		b.pulse.change(func() { b.pulse.err = session.ErrAway })
		<-time.After(5 * time.Minute)
		b.pulse.change(func() { b.pulse.err = nil })
		before := 0
		b.pulse.change(func() { before = b.pulse.beats })
		<-time.After(2 * session.Heartbeat)
		synctest.Wait()
		if b.ID() != first || b.abandoned != 0 || b.pulse.beats == before {
			t.Errorf("same life %v, abandoned %d, beats %d", b.ID() == first, b.abandoned, b.pulse.beats-before)
		}
	})
}

func TestHeartPassesStopsOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := startHeart(t)
		b.pulse.change(func() { b.pulse.stop = []session.RecordID{7} })
		<-time.After(session.Heartbeat + time.Second)
		synctest.Wait()
		if !slices.Equal(b.stopped, []session.RecordID{7}) {
			t.Errorf("stopped %v", b.stopped)
		}
	})
}

func TestFinisherAsksOncePerSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := map[session.ID]int{}
		f := &Finisher{Log: slog.New(slog.DiscardHandler), Finish: func(ctx context.Context, id session.ID) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			asked[id]++
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("asked without a deadline")
			}
			return false, errors.New("away")
		}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		one, other := uuid.New(), uuid.New()
		for range 100 {
			f.Note(one)
		}
		f.Note(other)
		<-time.After(2 * gather)
		synctest.Wait()
		mu.Lock()
		if asked[one] != 1 || asked[other] != 1 {
			t.Errorf("asked %v", asked)
		}
		mu.Unlock()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
