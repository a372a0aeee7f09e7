package watch_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/watch"
)

// fakeSessions answers with one session, or with err, and counts the questions.
type fakeSessions struct {
	mu    sync.Mutex // guards all below
	s     session.Session
	err   error
	asked int
	hang  bool            // until the question's time is up
	slow  []time.Duration // how long the next answers take
}

func (f *fakeSessions) Session(ctx context.Context, id session.ID) (session.Session, error) {
	f.mu.Lock()
	f.asked++
	s, err, hang := f.s, f.err, f.hang
	var takes time.Duration
	if len(f.slow) > 0 {
		takes, f.slow = f.slow[0], f.slow[1:]
	}
	f.mu.Unlock()
	<-time.After(takes)
	if hang {
		<-ctx.Done()
		return session.Session{}, ctx.Err()
	}
	s.ID = id
	return s, err
}

func (f *fakeSessions) set(change func(*fakeSessions)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeSessions) questions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func newHub() (*watch.Hub, *fakeSessions) {
	f := &fakeSessions{s: session.Session{Status: session.Running, Total: 100}}
	return &watch.Hub{Sessions: f, Log: slog.New(slog.DiscardHandler)}, f
}

func next(t *testing.T, w *watch.Watcher) watch.State {
	t.Helper()
	state, err := w.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// at lets the session have done records ended.
func (f *fakeSessions) at(done int) {
	f.set(func(f *fakeSessions) { f.s.Counts.Completed = done })
}

func TestThousandWatchersCostOneReadPerInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub, sessions := newHub()
		id := uuid.New()
		const watchers, seconds = 1000, 10
		var group sync.WaitGroup
		for range watchers {
			group.Go(func() {
				w := hub.Watch(t.Context(), id)
				defer w.Close()
				for i := range seconds {
					if got := next(t, w).Session.Counts.Completed; got != i {
						t.Errorf("state %d shows %d", i, got)
					}
				}
			})
		}
		for i := 1; i < seconds; i++ {
			synctest.Wait()
			sessions.at(i)
			<-time.After(watch.Interval) // by the clock of the bubble
		}
		group.Wait()
		if n := sessions.questions(); n > seconds+1 {
			t.Errorf("%d reads in %d s", n, seconds)
		}
		if n := hub.Watchers(); n != 0 {
			t.Errorf("%d watchers are left", n)
		}
	})
}

func TestUpdatesKeepTheirDistanceAfterASlowRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub, sessions := newHub()
		sessions.slow = []time.Duration{0, 1700 * time.Millisecond}
		w := hub.Watch(t.Context(), uuid.New())
		defer w.Close()
		next(t, w)
		for i := 1; i < 5; i++ {
			before := time.Now()
			sessions.at(i)
			next(t, w)
			if took := time.Since(before); took < watch.Interval {
				t.Errorf("update %d came %s after the one before", i, took)
			}
		}
	})
}

func TestNextComesOnlyWithAChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub, sessions := newHub()
		w := hub.Watch(t.Context(), uuid.New())
		defer w.Close()
		next(t, w)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := w.Next(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("unchanged for %s: %v", time.Since(began), err)
		}
		sessions.at(1)
		if got := next(t, w); got.Session.Counts.Completed != 1 {
			t.Errorf("state %+v", got)
		}
	})
}

func TestSlowWatcherSeesTheNewestStateAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub, sessions := newHub()
		id := uuid.New()
		slow, quick := hub.Watch(t.Context(), id), hub.Watch(t.Context(), id)
		defer slow.Close()
		defer quick.Close()
		next(t, slow)
		next(t, quick)
		for i := 1; i <= 20; i++ {
			sessions.at(i)
			if got := next(t, quick).Session.Counts.Completed; got != i {
				t.Errorf("the quick one sees %d, want %d", got, i)
			}
		}
		if got := next(t, slow).Session.Counts.Completed; got != 20 {
			t.Errorf("the slow one sees %d, want the newest", got)
		}
	})
}

func TestWatcherHearsThatTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*fakeSessions){
		"refused": func(f *fakeSessions) { f.err = session.ErrAway },
		"hangs":   func(f *fakeSessions) { f.hang = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hub, sessions := newHub()
				w := hub.Watch(t.Context(), uuid.New())
				defer w.Close()
				next(t, w)
				sessions.set(away)
				if got := next(t, w); !got.Away || got.Session.Total != 100 {
					t.Errorf("away: %+v", got)
				}
				sessions.set(func(f *fakeSessions) { f.err, f.hang = nil, false })
				if got := next(t, w); got.Away || got.Session.Total != 100 {
					t.Errorf("back: %+v", got)
				}
			})
		})
	}
}

func TestFirstReadsErrorIsTheWatchers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub, sessions := newHub()
		sessions.set(func(f *fakeSessions) { f.err = session.ErrNotFound })
		id := uuid.New()
		w := hub.Watch(t.Context(), id)
		if _, err := w.Next(t.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("unknown session: %v", err)
		}
		w.Close()
		sessions.set(func(f *fakeSessions) { f.err = nil })
		again := hub.Watch(t.Context(), id)
		defer again.Close()
		next(t, again)
		sessions.set(func(f *fakeSessions) { f.err = session.ErrNotFound })
		if _, err := again.Next(t.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("gone while it was watched: %v", err)
		}
	})
}

func TestNothingIsReadOfAnEndedOrUnwatchedSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub, sessions := newHub()
		id := uuid.New()
		w, other := hub.Watch(t.Context(), id), hub.Watch(t.Context(), id)
		next(t, w)
		sessions.set(func(f *fakeSessions) { f.s.Status = session.Completed })
		if got := next(t, w); got.Session.Status != session.Completed {
			t.Errorf("state %+v", got)
		}
		asked := sessions.questions()
		<-time.After(time.Minute) // by the clock of the bubble
		if n := sessions.questions(); n != asked {
			t.Errorf("%d reads after the end", n-asked)
		}
		w.Close()
		other.Close()
		fresh := hub.Watch(t.Context(), id)
		if got := next(t, fresh); got.Session.Status != session.Completed {
			t.Errorf("one who comes late sees %+v", got)
		}
		fresh.Close()
		<-time.After(time.Minute) // by the clock of the bubble
		if n := sessions.questions(); n != asked+1 {
			t.Errorf("%d reads while nobody watched", n-asked-1)
		}
	})
}
