package firing

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/dbfleet/dbfleet/internal/logging/logtest"
	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fakeStore has schedules that are due, and keeps the calls.
type fakeStore struct {
	mu      sync.Mutex // guards what follows
	waiting []schedule.Firing
	due     []schedule.Firing
	broken  map[schedule.ID]error // fails until it is taken out
	slow    schedule.ID           // never ends
	away    bool
	hangs   bool
	calls   []string
}

func (f *fakeStore) StartWaiting(ctx context.Context, passed []schedule.ID) (schedule.Firing, error) {
	return f.take(ctx, "waiting", &f.waiting, passed)
}

func (f *fakeStore) FireDue(ctx context.Context, passed []schedule.ID) (schedule.Firing, error) {
	return f.take(ctx, "due", &f.due, passed)
}

func (f *fakeStore) take(ctx context.Context, name string, from *[]schedule.Firing, passed []schedule.ID) (schedule.Firing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, name)
	if f.hangs {
		<-ctx.Done()
		return schedule.Firing{}, ctx.Err()
	}
	if f.away {
		return schedule.Firing{}, session.ErrAway
	}
	for i, firing := range *from {
		if slices.Contains(passed, firing.Schedule) {
			continue
		}
		if firing.Schedule == f.slow {
			f.mu.Unlock()
			<-ctx.Done()
			f.mu.Lock()
			return schedule.Firing{Schedule: firing.Schedule}, ctx.Err()
		}
		if err := f.broken[firing.Schedule]; err != nil {
			return schedule.Firing{Schedule: firing.Schedule}, err
		}
		*from = slices.Delete(*from, i, i+1)
		return firing, nil
	}
	return schedule.Firing{}, nil
}

func (f *fakeStore) set(change func(*fakeStore)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// left is how many firings nobody has taken.
func (f *fakeStore) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting) + len(f.due)
}

func (f *fakeStore) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

type bundle struct {
	store   *fakeStore
	metrics *telemetry.Metrics
	log     *logtest.Book
}

// start must be called inside a bubble; the loop stops with the test.
func start(t *testing.T, store *fakeStore) *bundle {
	t.Helper()
	b := &bundle{store: store, metrics: telemetry.New(), log: &logtest.Book{}}
	f := &Firer{Store: store, Metrics: b.metrics, Log: slog.New(slog.NewTextHandler(b.log, nil))}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.Run(ctx) }()
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

func fired(id schedule.ID, fires ...schedule.Fire) schedule.Firing {
	return schedule.Firing{Schedule: id, Name: "nightly", Fires: fires}
}

func TestEverythingThatIsDueIsFiredInOnePass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{waiting: []schedule.Firing{fired(1)}}
		for id := range schedule.ID(100) {
			store.due = append(store.due, fired(id+1))
		}
		start(t, store)
		synctest.Wait()
		if n := store.left(); n != 0 {
			t.Errorf("%d are left", n)
		}
		if calls := store.called(); calls[0] != "waiting" || calls[1] != "waiting" || calls[2] != "due" || len(calls) != 2+101 {
			t.Errorf("%d calls: %v", len(calls), calls[:3])
		}
	})
}

func TestStoreIsAskedEverySecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{}
		start(t, store)
		pass(59*time.Second + time.Millisecond)
		if n := len(store.called()); n != 2*60 {
			t.Errorf("%d calls in a minute", n)
		}
	})
}

func TestScheduleThatFailsKeepsNoOtherAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{due: []schedule.Firing{fired(1), fired(2), fired(3)}, broken: map[schedule.ID]error{1: errors.New("a broken row"), 2: errors.New("another")}}
		b := start(t, store)
		synctest.Wait()
		if n := store.left(); n != 2 {
			t.Errorf("%d are left", n)
		}
		store.set(func(f *fakeStore) { f.broken = nil })
		pass(time.Second)
		if n := store.left(); n != 0 {
			t.Errorf("%d are left for good", n)
		}
		if !strings.Contains(b.log.String(), "a broken row") {
			t.Errorf("log: %s", b.log)
		}
	})
}

func TestNothingIsTriedWhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{due: []schedule.Firing{fired(1)}, away: true}
		start(t, store)
		pass(2*time.Second + time.Millisecond)
		if calls := store.called(); len(calls) != 3 {
			t.Errorf("calls %v", calls)
		}
		store.set(func(f *fakeStore) { f.away = false })
		pass(time.Second)
		if n := store.left(); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}

func TestPassThatHangsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{hangs: true}
		b := start(t, store)
		pass(fireTime + 2*time.Second)
		if !strings.Contains(b.log.String(), errFireTime.Error()) {
			t.Errorf("log: %s", b.log)
		}
	})
}

func TestScheduleThatTakesTooLongKeepsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{due: []schedule.Firing{fired(1), fired(2), fired(3)}, slow: 1}
		b := start(t, store)
		pass(fireTime + time.Millisecond)
		if n := store.left(); n != 1 {
			t.Errorf("%d are left, want the slow one", n)
		}
		if !strings.Contains(b.log.String(), errFireTime.Error()) {
			t.Errorf("log: %s", b.log)
		}
	})
}

func TestWhatWasDoneIsLoggedAndCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		id := uuid.New()
		broken := fired(2, schedule.Fire{Outcome: schedule.Failed})
		broken.Fault, broken.Paused = errors.New("unknown time zone"), true
		store := &fakeStore{due: []schedule.Firing{
			fired(1,
				schedule.Fire{Outcome: schedule.Missed, MissedCount: 40}, schedule.Fire{Outcome: schedule.Missed, MissedCount: 1},
				schedule.Fire{Outcome: schedule.Started, Session: &id}),
			broken,
			fired(3, schedule.Fire{Outcome: schedule.Queued}), fired(4, schedule.Fire{Outcome: schedule.Skipped, Reason: "busy"}),
		}}
		b := start(t, store)
		synctest.Wait()
		for _, want := range []string{id.String(), "times=41", "unknown time zone", "schedule paused", "outcome=queued", "reason=busy"} {
			if !strings.Contains(b.log.String(), want) {
				t.Errorf("log lacks %q: %s", want, b.log)
			}
		}
		answer := httptest.NewRecorder()
		b.metrics.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, want := range []string{`{outcome="missed"} 41`, `{outcome="started"} 1`, `{outcome="failed"} 1`, `{outcome="queued"} 1`, `{outcome="skipped"} 1`} {
			if !strings.Contains(answer.Body.String(), "dbfleet_schedule_fires_total"+want) {
				t.Errorf("metrics lack %s", want)
			}
		}
	})
}
