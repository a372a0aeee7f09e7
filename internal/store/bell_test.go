package store

import (
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

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
