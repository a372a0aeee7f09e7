package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/session"
)

func TestManyWhoLookAtABigSessionAreCountedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l lives
		var counts atomic.Int32
		id, asked := uuid.New(), make(chan struct{})
		count := func(context.Context) (session.Session, error) {
			<-asked
			return session.Session{ID: id, Counts: session.Counts{Completed: int(counts.Add(1))}}, nil
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if one, err := l.session(t.Context(), id, count); err != nil || one.Counts.Completed != 1 {
					t.Errorf("%+v, %v", one.Counts, err)
				}
			})
		}
		close(asked)
		all.Wait()
		if n := counts.Load(); n != 1 {
			t.Errorf("counted %d times", n)
		}
	})
}

// Counting takes a while: what is kept for a second after it would be shown
// again to somebody who asks once a second.
func TestWhoFollowsABigSessionSeesItAfreshEverySecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l lives
		id, counts := uuid.New(), 0
		count := func(context.Context) (session.Session, error) {
			<-time.After(50 * time.Millisecond) // by the clock of the bubble
			counts++
			return session.Session{ID: id, Counts: session.Counts{Completed: counts}}, nil
		}
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for i := range 5 {
			if one, err := l.session(t.Context(), id, count); err != nil || one.Counts.Completed != i+1 {
				t.Errorf("after %d s %+v, %v", i, one.Counts, err)
			}
			<-second.C
		}
	})
}

func TestACountThatFailsIsNotKept(t *testing.T) {
	t.Parallel()
	var l lives
	id, fault := uuid.New(), errors.New("away")
	if _, err := l.session(t.Context(), id, func(context.Context) (session.Session, error) { return session.Session{}, fault }); !errors.Is(err, fault) {
		t.Errorf("error %v", err)
	}
	one, err := l.session(t.Context(), id, func(context.Context) (session.Session, error) { return session.Session{ID: id, Total: 7}, nil })
	if err != nil || one.Total != 7 {
		t.Errorf("%+v, %v", one, err)
	}
}

func TestWhoLeavesEndsTheCountForNobody(t *testing.T) {
	t.Parallel()
	var l lives
	ctx, leave := context.WithCancel(t.Context())
	id, began, free := uuid.New(), make(chan struct{}), make(chan struct{})
	left := make(chan error)
	go func() {
		_, err := l.session(ctx, id, func(ctx context.Context) (session.Session, error) {
			close(began)
			<-free
			return session.Session{ID: id, Total: 7}, ctx.Err()
		})
		left <- err
	}()
	<-began
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	close(free)
	one, err := l.session(t.Context(), id, func(context.Context) (session.Session, error) { return session.Session{ID: id, Total: 7}, nil })
	if err != nil || one.Total != 7 {
		t.Errorf("%+v, %v", one, err)
	}
}

func TestABigSessionShowsItsStateAtOnceAndItsCountsWithinASecond(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id := b.start(t, b.instances(t, countAfresh+1)...)
	if one := b.session(t, id); one.Counts.Pending != countAfresh+1 {
		t.Errorf("%+v", one.Counts)
	}
	b.sql(t, `UPDATE sync_sessions SET status = 'cancelling', cancel_requested_at = now() WHERE session_id = $1`, id)
	if one := b.session(t, id); one.Status != session.Cancelling || one.Counts.Pending != countAfresh+1 {
		t.Errorf("%s %+v", one.Status, one.Counts)
	}
}

func TestAListSharesTheCountsOfABigSession(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	small := b.start(t, b.instances(t, 3)...)
	big := b.start(t, b.instances(t, countAfresh+1)...)
	list, _, err := b.Sessions(t.Context(), session.Filter{}, session.Page{Limit: 10})
	if err != nil || len(list) != 2 || list[0].Counts.Pending != countAfresh+1 || list[1].Counts.Pending != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, kept := b.lives.kept[big]; !kept || len(b.lives.kept) != 1 {
		t.Errorf("kept %v, want %s and not %s", b.lives.kept, big, small)
	}
}

func TestTheAnswerToACancelCountsWhatItDid(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	w := b.workerOf(t, 64, session.Account)
	id := b.start(t, b.instances(t, countAfresh+1)...)
	b.claim(t, b.dispatch(t)[0], w)
	if one := b.session(t, id); one.Counts.Pending == 0 {
		t.Fatalf("%+v", one.Counts)
	}
	one, err := b.CancelSession(t.Context(), id)
	if err != nil || one.Status != session.Cancelling || one.Counts.Running != 1 || one.Counts.Cancelled != countAfresh {
		t.Errorf("%s %+v, %v", one.Status, one.Counts, err)
	}
}
