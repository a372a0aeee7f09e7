package store

import (
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// missesLieBack lets the time pass that must lie between two misses.
func (b *fleetBundle) missesLieBack(t testing.TB) {
	t.Helper()
	b.sql(t, `UPDATE sync_instance_records SET bell_at = bell_at - interval '4 s' WHERE status = 'queued'`)
}

func TestMissesOfTwoSchedulersAtOnceAreOne(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.worker(t)
	id := b.start(t, b.instances(t, 1)...)
	missed := []session.Ticket{b.ticket(t, id)}
	for range 2 {
		if n, err := b.MarkBells(t.Context(), nil, missed); n != 0 || err != nil {
			t.Fatalf("MarkBells = %d, %v; nothing is lost yet", n, err)
		}
	}
	b.wantStatus(t, id, session.RecordQueued)
	b.missesLieBack(t)
	if n, err := b.MarkBells(t.Context(), nil, missed); n != 1 || err != nil {
		t.Errorf("MarkBells = %d, %v", n, err)
	}
	b.wantStatus(t, id, session.RecordPending)
}

// A worker that has the ticket waiting for a place says so with its heartbeat.
func TestTicketThatWaitsInAWorkerIsNotOverdue(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id := b.start(t, b.instances(t, 1)...)
	ticket := b.ticket(t, id)
	b.sql(t, `UPDATE sync_instance_records SET queued_at = now() - interval '1 min'`)
	if _, err := b.MarkBells(t.Context(), nil, []session.Ticket{ticket}); err != nil {
		t.Fatal(err)
	}
	pulse, err := b.OpenPulse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pulse.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	old := session.Ticket{Record: ticket.Record, Gen: ticket.Gen - 1}
	overdue := func(want int) {
		t.Helper()
		list, err := b.OverdueBells(t.Context(), 10*time.Second, 100)
		if err != nil || len(list) != want {
			t.Errorf("overdue %v, %v; want %d", list, err, want)
		}
	}
	if err := pulse.Keep(t.Context(), []session.Ticket{old}); err != nil {
		t.Fatal(err)
	}
	overdue(1)
	if err := pulse.Keep(t.Context(), []session.Ticket{ticket}); err != nil {
		t.Fatal(err)
	}
	overdue(0)
	b.sql(t, `UPDATE sync_instance_records SET bell_at = now() - interval '11 s'`)
	overdue(1) // the worker is dead
	b.claim(t, ticket, worker)
}

func TestBellMissedTwiceInARowIsRungAgain(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id := b.start(t, b.instances(t, 1)...)
	ticket := b.ticket(t, id)
	if overdue, err := b.OverdueBells(t.Context(), 10*time.Second, 100); len(overdue) != 0 || err != nil {
		t.Fatalf("overdue at once: %v, %v", overdue, err)
	}
	b.sql(t, `UPDATE sync_instance_records SET queued_at = now() - interval '11 s'`)
	overdue, err := b.OverdueBells(t.Context(), 10*time.Second, 100)
	if err != nil || len(overdue) != 1 || overdue[0] != ticket {
		t.Fatalf("overdue = %v, %v; want %v", overdue, err, ticket)
	}
	mark := func(heard, missed []session.Ticket) {
		t.Helper()
		b.missesLieBack(t)
		if _, err := b.MarkBells(t.Context(), heard, missed); err != nil {
			t.Fatal(err)
		}
	}
	mark(nil, overdue)
	mark(overdue, nil) // heard in between: the count begins anew
	mark(nil, overdue)
	b.wantStatus(t, id, session.RecordQueued)
	mark(nil, []session.Ticket{{Record: ticket.Record, Gen: ticket.Gen - 1}}) // of an old dispatch
	b.wantStatus(t, id, session.RecordQueued)
	mark(nil, overdue)
	b.wantStatus(t, id, session.RecordPending)

	again := b.ticket(t, id)
	if again.Gen != ticket.Gen+1 {
		t.Errorf("generation %d after %d", again.Gen, ticket.Gen)
	}
	_, err = b.Claim(t.Context(), ticket, worker, time.Minute)
	wantErr(t, err, session.ErrClaimLost)
	b.claim(t, again, worker)
	mark(nil, []session.Ticket{again})
	mark(nil, []session.Ticket{again})
	b.wantStatus(t, id, session.RecordRunning)
}

func TestRingAllAgainMakesQueuedRecordsDue(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id := b.start(t, b.instances(t, 3)...)
	tickets := b.dispatch(t)
	b.claim(t, tickets[0], worker)
	if n, err := b.RingAllAgain(t.Context()); n != 2 || err != nil {
		t.Fatalf("RingAllAgain = %d, %v", n, err)
	}
	if c := b.session(t, id).Counts; c.Pending != 2 || c.Running != 1 {
		t.Errorf("counts = %+v", c)
	}
	if again := b.dispatch(t); len(again) != 2 || again[0].Gen != 2 {
		t.Errorf("dispatched %v", again)
	}
	for _, r := range b.records(t, id) {
		if r.Failures != 0 || r.Lost != 0 {
			t.Errorf("it cost something: %+v", r)
		}
	}
}
