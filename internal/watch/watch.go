// Package watch follows sessions for many onlookers at once: a session is read
// once per interval, however many look at it, and each of them sees the newest
// state when it is ready for it. It knows no protocol and how nothing is shown.
package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

const (
	// Interval is how often a session that somebody watches is read.
	Interval    = time.Second
	readTimeout = 5 * time.Second
)

// Sessions reads sessions. Error: session.ErrNotFound.
type Sessions interface {
	Session(ctx context.Context, id session.ID) (session.Session, error)
}

// Hub shares what is read of a session between all that watch it. Goroutines
// may share it. Sessions and Log are required.
type Hub struct {
	Sessions Sessions
	Log      *slog.Logger

	mu    sync.Mutex // guards feeds and the number of watchers of each
	feeds map[session.ID]*feed
}

// State is a session as an onlooker sees it.
type State struct {
	Session session.Session
	Away    bool // it cannot be read now; Session is how it was
}

// Watcher is one onlooker of one session. It belongs to one goroutine, which
// must Close it.
type Watcher struct {
	hub  *Hub
	id   session.ID
	feed *feed
	seen int // version of the feed
}

// Watch begins to look at a session. It reads nothing by itself: Next tells
// whether there is such a session. What ctx carries is kept for the reads; its
// end ends nothing.
func (h *Hub) Watch(ctx context.Context, id session.ID) *Watcher {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.feeds[id]
	if f == nil {
		if h.feeds == nil {
			h.feeds = map[session.ID]*feed{}
		}
		f = h.start(ctx, id)
		h.feeds[id] = f
	}
	f.watchers++
	return &Watcher{hub: h, id: id, feed: f}
}

// start begins to read a session until its last watcher has left.
func (h *Hub) start(ctx context.Context, id session.ID) *feed {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	f := &feed{stop: stop, done: make(chan struct{}), changed: make(chan struct{})}
	go func() {
		defer close(f.done)
		h.follow(ctx, id, f)
	}()
	return f
}

// Close leaves the session. The last one to leave waits until its reading has
// ended.
func (w *Watcher) Close() {
	w.hub.mu.Lock()
	w.feed.watchers--
	last := w.feed.watchers == 0
	if last {
		delete(w.hub.feeds, w.id)
	}
	w.hub.mu.Unlock()
	if last {
		w.feed.stop()
		<-w.feed.done
	}
}

// Watchers is how many onlookers there are.
func (h *Hub) Watchers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, f := range h.feeds {
		n += f.watchers
	}
	return n
}

// follow reads the session, an interval after the last read, until it has ended,
// is gone, or nobody watches.
func (h *Hub) follow(ctx context.Context, id session.ID, f *feed) {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		s, err := h.read(ctx, id)
		if ctx.Err() != nil || f.publish(ctx, h.Log, s, err) {
			return
		}
		tick.Reset(Interval) // a slow read leaves a tick behind
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (h *Hub) read(ctx context.Context, id session.ID) (session.Session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readTimeout, fmt.Errorf("read a watched session: over %s", readTimeout))
	defer cancel()
	s, err := h.Sessions.Session(ctx, id)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(err, context.Cause(ctx))
	}
	return s, err
}

// feed is what is known of one watched session.
type feed struct {
	stop     context.CancelFunc
	done     chan struct{} // closed when nothing is read any more
	watchers int           // guarded by the hub's mu

	mu      sync.Mutex // guards all below
	version int        // of state; 0 before the first
	state   State
	err     error         // why there is no state, or none any more
	changed chan struct{} // closed when version or err changes
}

// publish takes in what was read and reports whether it was the last.
func (f *feed) publish(ctx context.Context, log *slog.Logger, s session.Session, err error) (last bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch next := (State{Session: s}); {
	case err == nil && f.version > 0 && reflect.DeepEqual(next, f.state):
		return false
	case err == nil:
		f.state = next
	case f.version == 0 || errors.Is(err, session.ErrNotFound):
		f.err = err // the first one to ask hears of it
		close(f.changed)
		return true
	case f.state.Away:
		return false
	default:
		log.WarnContext(ctx, "watched session not read", "session_id", f.state.Session.ID, "err", err) // the next read tries again
		f.state.Away = true
	}
	f.version++
	close(f.changed)
	f.changed = make(chan struct{})
	return err == nil && s.Status.Terminal()
}

// Next waits for a state that is newer than the last one, the first time for
// any, and returns it. States that come faster than they are asked for are
// passed over. Errors: that of the first read, session.ErrNotFound when the
// session is gone, the cause of ctx. An ended session is the last state: after
// it Next waits for ctx.
func (w *Watcher) Next(ctx context.Context) (State, error) {
	for {
		w.feed.mu.Lock()
		version, state, err, changed := w.feed.version, w.feed.state, w.feed.err, w.feed.changed
		w.feed.mu.Unlock()
		switch {
		case version > w.seen:
			w.seen = version
			return state, nil
		case err != nil:
			return State{}, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return State{}, context.Cause(ctx)
		}
	}
}
