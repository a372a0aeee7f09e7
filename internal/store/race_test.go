package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// raceRounds is how often each race is run; racers is how many run beside each
// other, so that they also get into each other's way.
const (
	raceRounds = 1000
	racers     = 8
)

// race runs rounds in parallel, each with a seed of its own.
func race(t *testing.T, round func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	var wg sync.WaitGroup
	for racer := range uint64(racers) {
		wg.Go(func() {
			for i := range uint64(raceRounds / racers) {
				if t.Failed() {
					return
				}
				round(t, rand.New(rand.NewPCG(racer, i)))
			}
		})
	}
	wg.Wait()
}

// both runs two functions at once, one of them a moment late.
func both(r *rand.Rand, first, second func()) {
	if r.IntN(2) == 0 {
		first, second = second, first
	}
	pause := time.Duration(r.IntN(2000)) * time.Microsecond
	var wg sync.WaitGroup
	wg.Go(first)
	<-time.After(pause)
	wg.Go(second)
	wg.Wait()
}

// A raceBundle hands a session of one record, queued, to every round.
type raceBundle struct {
	*fleetBundle
	worker session.WorkerID
}

func newRace(t *testing.T) *raceBundle {
	t.Helper()
	b := &raceBundle{fleetBundle: newFleet(t)}
	b.worker = b.fleetBundle.worker(t)
	return b
}

func (b *raceBundle) queued(t *testing.T) (session.ID, session.Ticket) {
	t.Helper()
	id := b.start(t, b.instances(t, 1)...)
	b.sql(t, `UPDATE sync_instance_records SET status = 'queued', queued_at = now(), gen = 1 WHERE session_id = $1`, id)
	return id, session.Ticket{Record: b.onlyRecord(t, id).ID, Gen: 1, Category: session.Account}
}

// wantHealthy checks the invariants.
func (b *fleetBundle) wantHealthy(t *testing.T) {
	t.Helper()
	if found, err := b.Violations(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("violations: %v, %v", found, err)
	}
}

// wantCancelled checks that a cancelled session comes to its end as such once
// its holder has let go.
func (b *raceBundle) wantCancelled(t *testing.T, id session.ID) {
	t.Helper()
	if _, err := b.CancelLeftovers(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := b.FinishSession(t.Context(), id); err != nil {
		t.Error(err)
	}
	if s := b.session(t, id); s.Status != session.Cancelled {
		t.Errorf("session is %s with %+v", s.Status, s.Counts)
	}
}

func TestNoClaimCommitsAfterACancelWasAnswered(t *testing.T) {
	t.Parallel()
	b := newRace(t)
	race(t, func(t *testing.T, r *rand.Rand) {
		t.Helper()
		id, ticket := b.queued(t)
		var claimed bool
		var claim session.Claim
		both(r, func() {
			w, err := b.Claim(t.Context(), ticket, b.worker, time.Minute)
			claimed, claim = err == nil, w.Claim
			if err != nil && !errors.Is(err, session.ErrClaimLost) {
				t.Error(err)
			}
		}, func() {
			s, err := b.CancelSession(t.Context(), id)
			if err != nil {
				t.Error(err)
			}
			// What the cancel answered is what will be: a running record is known to it.
			if s.Status == session.Cancelling && s.Counts.Running == 0 {
				t.Errorf("answered %s with %+v", s.Status, s.Counts)
			}
		})
		if claimed {
			if err := b.Close(t.Context(), claim, session.RecordCancelled, nil, nil); err != nil {
				t.Error(err)
			}
		}
		if _, err := b.Claim(t.Context(), ticket, b.worker, time.Minute); !errors.Is(err, session.ErrClaimLost) {
			t.Errorf("claimed after the cancel: %v", err)
		}
		b.wantCancelled(t, id)
	})
	b.wantHealthy(t)
}

func TestRecordReleasedBesideACancelEndsCancelled(t *testing.T) {
	t.Parallel()
	b := newRace(t)
	race(t, func(t *testing.T, r *rand.Rand) {
		t.Helper()
		id, ticket := b.queued(t)
		w := b.claim(t, ticket, b.worker)
		both(r, func() {
			if err := b.Return(t.Context(), w.Claim, nil, 0); err != nil {
				t.Error(err)
			}
		}, func() {
			if _, err := b.CancelSession(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
		for _, again := range b.dispatch(t) {
			if again.Record == ticket.Record {
				t.Error("dispatched after the cancel")
			}
		}
		b.wantCancelled(t, id)
	})
	b.wantHealthy(t)
}

func TestCancelEndsCancelledOrIsRefused(t *testing.T) {
	t.Parallel()
	b := newRace(t)
	race(t, func(t *testing.T, r *rand.Rand) {
		t.Helper()
		id, ticket := b.queued(t)
		w := b.claim(t, ticket, b.worker)
		var refused error
		both(r, func() {
			if err := b.complete(t.Context(), w.Claim); err != nil {
				t.Error(err)
			}
			if _, err := b.FinishSession(t.Context(), id); err != nil {
				t.Error(err)
			}
		}, func() { _, refused = b.CancelSession(t.Context(), id) })
		if _, err := b.FinishSession(t.Context(), id); err != nil {
			t.Error(err)
		}
		want := session.Cancelled
		if errors.Is(refused, session.ErrFinished) {
			want = session.Completed
		} else if refused != nil {
			t.Error(refused)
		}
		if s := b.session(t, id); s.Status != want {
			t.Errorf("session is %s, want %s", s.Status, want)
		}
	})
	b.wantHealthy(t)
}

// Statements over many records lock them in different orders unless they take
// care; then Postgres kills one of them.
func TestCancelDoesNotDeadlockWithLoops(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.worker(t)
	ids := b.instances(t, 600)
	for range 15 {
		id := b.start(t, ids...)
		b.prove(t, id)
		tickets := b.dispatch(t)
		ctx, stop := context.WithCancel(t.Context())
		var loops sync.WaitGroup
		for _, loop := range []func() error{
			func() error { _, _, err := b.Dispatch(ctx, noLimit); return err },
			func() error { _, err := b.MarkBells(ctx, nil, tickets); return err },
			func() error { _, err := b.MarkBells(ctx, tickets, nil); return err },
			func() error { _, err := b.RingAllAgain(ctx); return err },
			func() error { _, err := b.CancelLeftovers(ctx); return err },
			func() error { _, err := b.FailHopeless(ctx, time.Second); return err },
		} {
			loops.Go(func() {
				for ctx.Err() == nil {
					if err := loop(); err != nil && ctx.Err() == nil {
						t.Error(err)
						return
					}
				}
			})
		}
		<-time.After(20 * time.Millisecond)
		if _, err := b.CancelSession(t.Context(), id); err != nil {
			t.Error(err)
		}
		stop()
		loops.Wait()
		if _, err := b.CancelLeftovers(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.FinishSessions(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := b.session(t, id); s.Status != session.Cancelled {
			t.Fatalf("session is %s: %+v", s.Status, s.Counts)
		}
	}
}
