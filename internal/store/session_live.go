package store

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

const (
	// countAfresh is how many records a session may have to be counted for
	// everybody who asks: that takes less than a millisecond.
	countAfresh = 1000
	// countKept is how old the counts of a bigger one may be: less than the second
	// after which somebody who follows it asks again, or he would see every other
	// change two seconds late.
	countKept = 800 * time.Millisecond
	countTime = 10 * time.Second
)

// lives holds the last counts of big open sessions, so that many who look at one
// cost no more than one who looks once a second. The zero value is ready.
type lives struct {
	asked singleflight.Group
	mu    sync.Mutex // guards kept
	kept  map[session.ID]life
}

type life struct {
	session.Session
	at time.Time
}

// liveSession returns an open session with its counts and its progress.
func (s *Store) liveSession(ctx context.Context, row dbq.SyncSession) (session.Session, error) {
	if !big(row) {
		return s.countedSession(ctx, row)
	}
	one, err := toSession(row)
	if err != nil {
		return one, err
	}
	counted, err := s.lives.session(ctx, one.ID, func(ctx context.Context) (session.Session, error) {
		return s.countedSession(ctx, row)
	})
	one.Counts, one.Items, one.Progress = counted.Counts, counted.Items, counted.Progress
	return one, err
}

func (s *Store) countedSession(ctx context.Context, row dbq.SyncSession) (session.Session, error) {
	list, err := s.fillSessions(ctx, []dbq.SyncSession{row})
	if err != nil {
		return session.Session{}, err
	}
	one := list[0]
	one.Progress.Left, err = s.forecast(ctx, one)
	return one, err
}

// session returns what was counted within countKept, or counts. Who asks
// meanwhile gets the same answer.
func (l *lives) session(
	ctx context.Context, id session.ID, count func(context.Context) (session.Session, error),
) (session.Session, error) {
	if one, ok := l.recent(id); ok {
		return one, nil
	}
	return together(ctx, &l.asked, id.String(), countTime, func(ctx context.Context) (session.Session, error) {
		if one, ok := l.recent(id); ok {
			return one, nil
		}
		began := time.Now()
		one, err := count(ctx)
		if err == nil {
			l.keep(one, began)
		}
		return one, err
	})
}

func (l *lives) recent(id session.ID) (session.Session, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept, ok := l.kept[id]
	return kept.Session, ok && time.Since(kept.at) < countKept
}

// keep takes in what was counted from a moment on.
func (l *lives) keep(one session.Session, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil {
		l.kept = map[session.ID]life{}
	}
	for id, old := range l.kept {
		if time.Since(old.at) >= countKept {
			delete(l.kept, id)
		}
	}
	if began.After(l.kept[one.ID].at) {
		l.kept[one.ID] = life{one, began}
	}
}

// forget makes the next who asks count anew: he has just changed what is counted.
func (l *lives) forget(id session.ID) {
	l.asked.Forget(id.String())
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.kept, id)
}

// listedSessions returns sessions with their counts, without a forecast: those
// of big open ones are shared like liveSession's, the others counted at once.
func (s *Store) listedSessions(ctx context.Context, rows []dbq.SyncSession) ([]session.Session, error) {
	var small []dbq.SyncSession
	for _, row := range rows {
		if !big(row) {
			small = append(small, row)
		}
	}
	counted, err := s.fillSessions(ctx, small)
	if err != nil {
		return nil, err
	}
	list := make([]session.Session, 0, len(rows))
	for _, row := range rows {
		if !big(row) {
			list, counted = append(list, counted[0]), counted[1:]
			continue
		}
		one, err := s.liveSession(ctx, row)
		if err != nil {
			return nil, err
		}
		one.Progress.Left = nil
		list = append(list, one)
	}
	return list, nil
}

// big tells an open session whose counts many share.
func big(row dbq.SyncSession) bool {
	return row.CompletedAt == nil && row.TotalInstances > countAfresh
}
