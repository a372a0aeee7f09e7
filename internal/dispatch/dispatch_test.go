package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fake is both Postgres and Redis, as far as the loops look at them. Its
// functions run under its lock.
type fake struct {
	mu       sync.Mutex // guards what follows
	rounds   []time.Duration
	began    time.Time
	busy     bool
	err      error
	enqueued []session.Ticket
	queueErr error

	overdue       []session.Ticket
	waiting       map[session.RecordID]bool
	answer        time.Duration // how long a question takes; not changed while it runs
	heard, missed []session.Ticket
	lost          bool
	rung          int
}

func newFake() *fake { return &fake{began: time.Now(), waiting: map[session.RecordID]bool{}} }

func (f *fake) Dispatch(_ context.Context, hostLimit int) ([]session.Ticket, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rounds = append(f.rounds, time.Since(f.began))
	if f.err != nil || !f.busy {
		return nil, false, f.err
	}
	return []session.Ticket{{Record: session.RecordID(len(f.rounds)), Gen: hostLimit}}, true, nil
}

func (f *fake) Enqueue(_ context.Context, tickets []session.Ticket) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.enqueued = append(f.enqueued, tickets...)
	return f.queueErr
}

func (f *fake) OverdueBells(context.Context, time.Duration, int) ([]session.Ticket, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.overdue, f.err
}

func (f *fake) MarkBells(_ context.Context, heard, missed []session.Ticket) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard, f.missed = append(f.heard, heard...), append(f.missed, missed...)
	return int64(len(missed)), f.err
}

func (f *fake) RingAllAgain(context.Context) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rung++
	return 1, f.err
}

func (f *fake) Waiting(ctx context.Context, t session.Ticket) (bool, error) {
	if f.answer > 0 {
		select {
		case <-time.After(f.answer):
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waiting[t.Record], f.queueErr
}

func (f *fake) LostMemory(context.Context) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := f.lost
	f.lost = false
	return lost, f.queueErr
}

func (f *fake) ClearArchive(context.Context) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return 0, f.queueErr
}

// change runs do under the lock.
func (f *fake) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// start runs a loop inside a bubble until the test ends.
func start(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func (f *fake) dispatcher() *Dispatcher {
	return &Dispatcher{
		Store: f, Queue: f, Log: slog.New(slog.DiscardHandler),
		Settings: func(context.Context) (setting.Settings, error) { return setting.Defaults(), nil },
	}
}

func (f *fake) reconciler() *Reconciler {
	return &Reconciler{Store: f, Queue: f, Metrics: telemetry.New(), Log: slog.New(slog.DiscardHandler)}
}

// pass lets fake time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestDispatcherIsQuickWhileRecordsAreOnTheirWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		start(t, f.dispatcher().Run)
		pass(10*time.Second + time.Millisecond)
		idle := 0
		f.change(func() { idle, f.busy = len(f.rounds), true })
		pass(2 * time.Second)
		f.change(func() {
			if idle != 11 {
				t.Errorf("%d idle rounds in 10 s, want one a second", idle)
			}
			if hot := len(f.rounds) - idle; hot < 20 || hot > 41 {
				t.Errorf("%d rounds in 2 s of work, want one in 50 ms", hot)
			}
			if len(f.enqueued) != len(f.rounds)-idle || f.enqueued[0].Gen != setting.Defaults().HostLimit {
				t.Errorf("enqueued %d of %d rounds", len(f.enqueued), len(f.rounds)-idle)
			}
		})
	})
}

func TestDispatcherOutlivesTrouble(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(*fake){
		"of Postgres": func(f *fake) { f.err = session.ErrAway },
		"of Redis":    func(f *fake) { f.queueErr = errors.New("connection refused") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.busy = true
				trouble(f)
				start(t, f.dispatcher().Run)
				pass(5 * time.Second)
				f.change(func() {
					if n := len(f.rounds); n < 4 || n > 7 {
						t.Errorf("%d rounds in 5 s of trouble, want one a second", n)
					}
					f.err, f.queueErr, f.enqueued = nil, nil, nil
				})
				pass(2 * time.Second)
				f.change(func() {
					if len(f.enqueued) == 0 {
						t.Error("nothing enqueued after the trouble")
					}
				})
			})
		})
	}
}

func TestReconcilerTellsHeardFromMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		here, gone := session.Ticket{Record: 1, Gen: 1}, session.Ticket{Record: 2, Gen: 1}
		f.overdue, f.waiting[1] = []session.Ticket{here, gone}, true
		start(t, f.reconciler().Run)
		pass(time.Second)
		f.change(func() {
			if !slices.Equal(f.heard, []session.Ticket{here}) || !slices.Equal(f.missed, []session.Ticket{gone}) {
				t.Errorf("heard %v, missed %v", f.heard, f.missed)
			}
		})
	})
}

// Redis is a round trip away, and there are many questions.
func TestReconcilerGetsThroughManyTickets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.answer = 3 * time.Millisecond
		for record := range session.RecordID(maxOverdue) {
			f.overdue = append(f.overdue, session.Ticket{Record: record + 1, Gen: 1})
		}
		start(t, f.reconciler().Run)
		pass(reconcileEvery - time.Millisecond)
		f.change(func() {
			if len(f.missed) != maxOverdue {
				t.Errorf("noted %d of %d in one pass", len(f.missed), maxOverdue)
			}
		})
	})
}

// What was asked before the time was over is noted.
func TestReconcilerKeepsWhatItHasLearned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.answer = 300 * time.Millisecond
		for record := range session.RecordID(maxOverdue) {
			f.overdue = append(f.overdue, session.Ticket{Record: record + 1, Gen: 1})
		}
		start(t, f.reconciler().Run)
		pass(reconcileTime)
		f.change(func() {
			if len(f.missed) < askBatch {
				t.Errorf("noted %d", len(f.missed))
			}
		})
	})
}

func TestReconcilerConcludesNothingFromSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.overdue, f.queueErr = []session.Ticket{{Record: 1, Gen: 1}}, errors.New("i/o timeout")
		start(t, f.reconciler().Run)
		pass(time.Minute)
		f.change(func() {
			if len(f.missed)+len(f.heard)+f.rung != 0 {
				t.Errorf("heard %v, missed %v, rung %d", f.heard, f.missed, f.rung)
			}
			f.queueErr = nil
		})
		pass(2 * reconcileEvery)
		f.change(func() {
			if len(f.missed) == 0 {
				t.Error("did not go on when Redis came back")
			}
		})
	})
}

func TestReconcilerRingsAllOnceForALostMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.lost = true
		start(t, f.reconciler().Run)
		start(t, f.reconciler().Run)
		pass(time.Minute)
		f.change(func() {
			if f.rung != 1 {
				t.Errorf("rang %d times, want once", f.rung)
			}
		})
	})
}
