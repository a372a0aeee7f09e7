package sweep

import (
	"context"
	"errors"
	"log/slog"
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

// A fakeStore notes when each step was called and fails where told.
type fakeStore struct {
	mu    sync.Mutex // guards what follows
	began time.Time
	calls map[string][]time.Duration // since began
	fail  map[string]error
	hangs string // this step answers nothing before its time is over
	away  bool   // nor does anything else
}

func (f *fakeStore) call(step string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[step] = append(f.calls[step], time.Since(f.began))
	return f.fail[step]
}

// hang is call for a step that may hang.
func (f *fakeStore) hang(ctx context.Context, step string) error {
	f.mu.Lock()
	hangs := f.hangs == step || f.away
	f.mu.Unlock()
	err := f.call(step)
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (f *fakeStore) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *fakeStore) setFail(step string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[step] = err
}

// of returns when a step was called.
func (f *fakeStore) of(step string) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]time.Duration(nil), f.calls[step]...)
}

func (f *fakeStore) ping(ctx context.Context) error { return f.hang(ctx, "ping") }
func (f *fakeStore) CancelLeftovers(ctx context.Context) (int64, error) {
	return 0, f.hang(ctx, "leftovers")
}

func (f *fakeStore) Reap(context.Context) (workers, records int, err error) {
	return 1, 2, f.call("reap")
}
func (f *fakeStore) ReapStuck(context.Context) (int, error) { return 0, f.call("stuck") }
func (f *fakeStore) FailHopeless(context.Context, time.Duration) (int64, error) {
	return 1, f.call("hopeless")
}
func (f *fakeStore) FinishSessions(context.Context) (int, error) { return 1, f.call("finish") }
func (f *fakeStore) KeepMonths(context.Context) error            { return f.call("months") }

// A bundle is a sweeper that runs in a synctest bubble.
type bundle struct{ store *fakeStore }

// start must be called inside a bubble; the sweeper stops with the test.
func start(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{store: &fakeStore{began: time.Now(), calls: map[string][]time.Duration{}, fail: map[string]error{}}}
	s := &Sweeper{
		Store: b.store, Ping: b.store.ping,
		Settings: func(context.Context) (setting.Settings, error) { return setting.Defaults(), nil },
		Metrics:  telemetry.New(), Log: slog.New(slog.DiscardHandler),
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return b
}

// pass lets fake time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestNobodyIsReapedInTheFirstLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		pass(time.Minute)
		reaped := b.store.of("reap")
		if len(reaped) == 0 || reaped[0] < session.WorkerLease || reaped[0] > session.WorkerLease+sweepEvery {
			t.Errorf("reaped at %v, want after one lease", reaped)
		}
		if n := len(b.store.of("finish")); n != 31 {
			t.Errorf("looked for ended sessions %d times in a minute, want every 2 s", n)
		}
		if n := len(b.store.of("stuck")); n != 31 {
			t.Errorf("looked for stuck records %d times", n)
		}
	})
}

func TestNobodyIsReapedInTheLeaseAfterAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		pass(time.Minute)
		b.store.setFail("leftovers", session.ErrAway)
		pass(10 * time.Second)
		before := len(b.store.of("reap"))
		b.store.setFail("leftovers", nil)
		pass(session.WorkerLease - sweepEvery)
		if n := len(b.store.of("reap")); n != before {
			t.Errorf("reaped %d times too early", n-before)
		}
		pass(2 * sweepEvery)
		if n := len(b.store.of("reap")); n == before {
			t.Error("never reaped again")
		}
	})
}

func TestAStepThatFailsKeepsNoOtherFromItsWork(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{"leftovers", "stuck", "reap", "hopeless", "finish", "months"} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := start(t)
				b.store.setFail(broken, errors.New("a broken row"))
				pass(time.Minute)
				for _, step := range []string{"leftovers", "stuck", "reap", "hopeless", "finish", "months"} {
					if len(b.store.of(step)) == 0 {
						t.Errorf("%s was never called", step)
					}
				}
			})
		})
	}
}

func TestASlowStepKeepsNoOtherFromItsWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.store.change(func() { b.store.hangs = "leftovers" })
		pass(time.Minute)
		for _, step := range []string{"stuck", "reap", "hopeless", "finish", "months"} {
			if len(b.store.of(step)) == 0 {
				t.Errorf("%s was never called", step)
			}
		}
	})
}

// A network that swallows everything is an outage, too.
func TestNobodyIsReapedInTheLeaseAfterASilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		pass(time.Minute)
		before := len(b.store.of("reap"))
		b.store.change(func() { b.store.away = true })
		pass(3 * (stepTime + pingTime))
		b.store.change(func() { b.store.away = false })
		pass(session.WorkerLease - sweepEvery)
		if n := len(b.store.of("reap")); n > before+1 { // one may have begun before the silence
			t.Errorf("reaped %d times too early", n-before)
		}
	})
}

func TestMonthsAreKeptOnceAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		pass(3*time.Hour - time.Minute)
		if n := len(b.store.of("months")); n != 3 {
			t.Errorf("made partitions %d times, want 3", n)
		}
	})
}
