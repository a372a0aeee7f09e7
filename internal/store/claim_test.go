package store

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

func TestClaimReturnsWhatTheWorkNeeds(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id, w := b.running(t, worker)
	if w.Session != id || w.Attempt != 1 || w.Worker != worker || w.Category != session.Account {
		t.Errorf("claim = %+v", w.Claim)
	}
	if w.Target.Username != "reader" || len(w.Sealed) != 1 || w.Version != 1 || w.Policy.MaxAttempts != 3 {
		t.Errorf("work = %+v", w)
	}
	if w.Limit <= 59*time.Second || w.Limit > time.Minute {
		t.Errorf("limit = %s, want a minute", w.Limit)
	}
	if !strings.HasPrefix(w.Target.AppName, "dbfleet/"+id.String()) || len(w.Target.AppName) > 63 {
		t.Errorf("application name %q", w.Target.AppName)
	}
	beyond := value[time.Duration](t, b.pool, `SELECT deadline_at - started_at FROM sync_instance_records`)
	if beyond != 70*time.Second {
		t.Errorf("deadline after %s, want the limit and 10 s", beyond)
	}
}

func TestClaimLimitEndsWithTheSession(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id := b.start(t, b.instances(t, 1)...)
	b.sql(t, `UPDATE sync_sessions SET deadline_at = now() + interval '20 s'`)
	w := b.claim(t, b.ticket(t, id), worker)
	if w.Limit > 20*time.Second || w.Limit < 15*time.Second {
		t.Errorf("limit = %s, want what is left of the session", w.Limit)
	}
}

func TestClaimIsLost(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, b *fleetBundle, id session.ID, ticket *session.Ticket, w *session.WorkerID){
		"to an old generation": func(_ *testing.T, _ *fleetBundle, _ session.ID, ticket *session.Ticket, _ *session.WorkerID) {
			ticket.Gen--
		},
		"to a generation that never was": func(_ *testing.T, _ *fleetBundle, _ session.ID, ticket *session.Ticket, _ *session.WorkerID) {
			ticket.Gen++
		},
		"to a record that never was": func(_ *testing.T, _ *fleetBundle, _ session.ID, ticket *session.Ticket, _ *session.WorkerID) {
			ticket.Record += 1000
		},
		"without a worker's row": func(_ *testing.T, _ *fleetBundle, _ session.ID, _ *session.Ticket, w *session.WorkerID) {
			*w = uuid.New()
		},
		"in a cancelling session": func(t *testing.T, b *fleetBundle, id session.ID, _ *session.Ticket, _ *session.WorkerID) {
			t.Helper()
			b.sql(t, `UPDATE sync_sessions SET status = 'cancelling', cancel_requested_at = now() WHERE session_id = $1`, id)
		},
		"after the session's deadline": func(t *testing.T, b *fleetBundle, id session.ID, _ *session.Ticket, _ *session.WorkerID) {
			t.Helper()
			b.sql(t, `UPDATE sync_sessions SET deadline_at = now() WHERE session_id = $1`, id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFleet(t)
			worker := b.worker(t)
			id := b.start(t, b.instances(t, 1)...)
			ticket := b.ticket(t, id)
			spoil(t, b, id, &ticket, &worker)
			_, err := b.Claim(t.Context(), ticket, worker, time.Minute)
			wantErr(t, err, session.ErrClaimLost)
			if r := b.onlyRecord(t, id); r.Status != session.RecordQueued || r.Attempt != 0 {
				t.Errorf("record = %s, attempt %d; want it untouched", r.Status, r.Attempt)
			}
		})
	}
}

func TestClaimOfCancelledRecordIsLost(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id := b.start(t, b.instances(t, 1)...)
	ticket := b.ticket(t, id)
	if _, err := b.CancelSession(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	_, err := b.Claim(t.Context(), ticket, worker, time.Minute)
	wantErr(t, err, session.ErrClaimLost)
	b.wantStatus(t, id, session.RecordCancelled)
}

func TestClaimAtOnceHasOneWinner(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id := b.start(t, b.instances(t, 1)...)
	ticket := b.ticket(t, id)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch _, err := b.Claim(t.Context(), ticket, worker, time.Minute); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, session.ErrClaimLost):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || b.onlyRecord(t, id).Attempt != 1 {
		t.Errorf("%d claims won, attempt %d", won.Load(), b.onlyRecord(t, id).Attempt)
	}
}

func TestClaimSkipsInstanceThatIsGone(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]string{
		"deleted":     `UPDATE instances SET deleted_at = now()`,
		"deactivated": `UPDATE instances SET active = false`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFleet(t)
			worker := b.worker(t)
			id := b.start(t, b.instances(t, 1)...)
			ticket := b.ticket(t, id)
			b.sql(t, gone)
			_, err := b.Claim(t.Context(), ticket, worker, time.Minute)
			wantErr(t, err, session.ErrClaimLost)
			b.wantStatus(t, id, session.RecordSkipped)
			if n, err := b.FinishSessions(t.Context()); n != 1 || err != nil {
				t.Fatalf("FinishSessions = %d, %v", n, err)
			}
			if s := b.session(t, id); s.Result != session.Succeeded || s.Counts.Skipped != 1 {
				t.Errorf("session = %+v", s)
			}
		})
	}
}

// A credential that only deleted instances used may be deleted: the records that
// still wait for it must find their end.
func TestRecordWithoutInstanceAndCredentialIsSkipped(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	ids := b.instances(t, 1)
	id := b.start(t, ids...)
	if err := b.DeleteInstance(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteCredential(t.Context(), fleet.CredentialID(b.credential)); err != nil {
		t.Fatal(err)
	}
	b.wantReasons(t, id, session.Ready)
	_, err := b.Claim(t.Context(), b.ticket(t, id), worker, time.Minute)
	wantErr(t, err, session.ErrClaimLost)
	b.wantStatus(t, id, session.RecordSkipped)
}

func TestClaimOfBusyInstanceComesAgainInFiveSeconds(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	instances := b.instances(t, 1)
	first := b.start(t, instances...)
	b.claim(t, b.ticket(t, first), worker)
	second := b.start(t, instances...)
	// The dispatcher does not ring for it; a ticket of a past life might be about.
	b.sql(t, `UPDATE sync_instance_records SET status = 'queued', queued_at = now(), gen = 1 WHERE session_id = $1`, second)
	ticket := session.Ticket{Record: b.onlyRecord(t, second).ID, Gen: 1, Category: session.Account}

	_, err := b.Claim(t.Context(), ticket, worker, time.Minute)
	wantErr(t, err, session.ErrClaimLost)
	r := b.onlyRecord(t, second)
	if r.Status != session.RecordPending || r.Attempt != 0 || r.Failures != 0 {
		t.Errorf("record = %+v", r)
	}
	if in := value[float64](t, b.pool, `SELECT EXTRACT(epoch FROM due_at - now())::float8 FROM sync_instance_records WHERE id = $1`, r.ID); in < 3 || in > 5 {
		t.Errorf("due in %v s, want 5", in)
	}
}

func TestProveLoginIsSeenByTheNextClaim(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	b.start(t, b.instances(t, 2)...)
	tickets := b.dispatch(t)
	first := b.claim(t, tickets[0], worker)
	for range 2 { // the second time changes nothing
		if err := b.ProveLogin(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	if second := b.claim(t, tickets[1], worker); first.Proven || !second.Proven {
		t.Errorf("proven: first %v, second %v", first.Proven, second.Proven)
	}
}
