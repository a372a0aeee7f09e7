package store

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// settles lists every write that follows from a claim.
func settles(t *testing.T, b *fleetBundle) map[string]func(session.Claim) error {
	t.Helper()
	return map[string]func(session.Claim) error{
		"complete": func(c session.Claim) error { return b.complete(t.Context(), c) },
		"close": func(c session.Claim) error {
			return b.Close(t.Context(), c, session.RecordFailed, faultOf(session.CodeTLS), nil)
		},
		"return": func(c session.Claim) error { return b.Return(t.Context(), c, nil, 0) },
	}
}

func TestSettleNeedsTheLatestClaim(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id, w := b.running(t, worker)
	for name, settle := range settles(t, b) {
		for what, claim := range map[string]session.Claim{
			"an old attempt": {Record: w.Record, Session: id, Attempt: w.Attempt - 1, Worker: worker},
			"another worker": {Record: w.Record, Session: id, Attempt: w.Attempt, Worker: uuid.New()},
			"another record": {Record: w.Record + 1, Session: id, Attempt: w.Attempt, Worker: worker},
		} {
			if err := settle(claim); !errors.Is(err, session.ErrClaimLost) {
				t.Errorf("%s with %s: %v, want ErrClaimLost", name, what, err)
			}
		}
	}
	b.wantStatus(t, id, session.RecordRunning)
}

func TestSettleHappensOnce(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	if err := b.complete(t.Context(), w.Claim); err != nil {
		t.Fatal(err)
	}
	for name, settle := range settles(t, b) {
		if err := settle(w.Claim); name != "complete" && !errors.Is(err, session.ErrClaimLost) {
			t.Errorf("%s again: %v, want ErrClaimLost", name, err)
		}
	}
	b.wantStatus(t, id, session.RecordCompleted)
}

// A worker that did not hear of its commit asks again.
func TestCompleteAgainReturnsTheSameOutcome(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id, w := b.running(t, worker)
	snap := emptyServer()
	snap.Accounts = []account.Account{{Identity: "10", Name: "ada", Kind: account.User}}
	snap.Gaps = []account.Gap{{Database: "app", Code: session.CodePermission}}
	complete := func(c session.Claim) (session.Outcome, error) {
		return b.CompleteAccounts(t.Context(), c, snap, account.HoldRules{Percent: 30, Minimum: 20}, nil)
	}
	first, err := complete(w.Claim)
	if err != nil || first.Items.Created != 1 || !first.Partial {
		t.Fatalf("outcome %+v, %v", first, err)
	}
	again, err := complete(w.Claim)
	if err != nil || again.Items != first.Items || again.Partial != first.Partial {
		t.Errorf("again %+v, %v; want %+v", again, err, first)
	}
	other := w.Claim
	other.Attempt++
	_, err = complete(other)
	wantErr(t, err, session.ErrClaimLost)
	if n := value[int](t, b.pool, `SELECT count(*) FROM account_versions`); n != 1 {
		t.Errorf("%d versions, want 1", n)
	}
	b.wantStatus(t, id, session.RecordCompleted)
}

func TestReturnAfterFailureWaitsAndRemembers(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	if err := b.Return(t.Context(), w.Claim, faultOf(session.CodeConnectTimeout), time.Minute); err != nil {
		t.Fatal(err)
	}
	r := b.onlyRecord(t, id)
	if r.Status != session.RecordPending || r.Failures != 1 || r.Fault == nil || r.Fault.Code != session.CodeConnectTimeout {
		t.Errorf("record = %+v", r)
	}
	lane := value[int](t, b.pool, `SELECT lane FROM sync_instance_records WHERE due_at > now() + interval '55 s'`)
	contact := value[string](t, b.pool, `SELECT contact FROM instances`)
	if lane != 1 || contact != "unreachable" {
		t.Errorf("lane %d, contact %s", lane, contact)
	}
	if tickets := b.dispatch(t); len(tickets) != 0 {
		t.Errorf("dispatched before it was due: %v", tickets)
	}
}

func TestReturnUntriedCostsNothing(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id, w := b.running(t, worker)
	if err := b.Return(t.Context(), w.Claim, nil, 0); err != nil {
		t.Fatal(err)
	}
	r := b.onlyRecord(t, id)
	if r.Status != session.RecordPending || r.Failures != 0 || r.Fault != nil {
		t.Errorf("record = %+v", r)
	}
	again := b.claim(t, b.ticket(t, id), worker)
	if again.Attempt != 2 {
		t.Errorf("attempt %d, want 2", again.Attempt)
	}
	wantErr(t, b.complete(t.Context(), w.Claim), session.ErrClaimLost)
}

func TestCompleteAfterFailureForgetsTheFault(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id, w := b.running(t, worker)
	if err := b.Return(t.Context(), w.Claim, faultOf(session.CodeRefused), 0); err != nil {
		t.Fatal(err)
	}
	w = b.claim(t, b.ticket(t, id), worker)
	if err := b.complete(t.Context(), w.Claim); err != nil {
		t.Fatal(err)
	}
	if r := b.onlyRecord(t, id); r.Fault != nil || r.Status != session.RecordCompleted {
		t.Errorf("record = %+v", r)
	}
}

// Every move to pending becomes cancelled when the session or the record is.
func TestRecordOfACancelDoesNotBecomePending(t *testing.T) {
	t.Parallel()
	cancels := map[string]string{
		"session": `UPDATE sync_sessions SET status = 'cancelling', cancel_requested_at = now()`,
		"record":  `UPDATE sync_instance_records SET cancel_requested_at = now()`,
	}
	moves := map[string]func(t *testing.T, b *fleetBundle, w session.Work){
		"released": func(t *testing.T, b *fleetBundle, w session.Work) {
			t.Helper()
			if err := b.Return(t.Context(), w.Claim, nil, 0); err != nil {
				t.Fatal(err)
			}
		},
		"to be tried again": func(t *testing.T, b *fleetBundle, w session.Work) {
			t.Helper()
			if err := b.Return(t.Context(), w.Claim, faultOf(session.CodeRefused), time.Minute); err != nil {
				t.Fatal(err)
			}
		},
		"lost": func(t *testing.T, b *fleetBundle, _ session.Work) {
			t.Helper()
			b.sql(t, `UPDATE workers SET lease_until = now() - interval '1 s'`)
			if _, n, err := b.Reap(t.Context()); n != 1 || err != nil {
				t.Fatalf("Reap = %d, %v", n, err)
			}
		},
		"stuck": func(t *testing.T, b *fleetBundle, _ session.Work) {
			t.Helper()
			b.sql(t, `UPDATE sync_instance_records SET deadline_at = now() - interval '1 s'`)
			if n, err := b.ReapStuck(t.Context()); n != 1 || err != nil {
				t.Fatalf("ReapStuck = %d, %v", n, err)
			}
		},
	}
	for who, cancel := range cancels {
		for name, move := range moves {
			t.Run(who+" cancelled, record "+name, func(t *testing.T) {
				t.Parallel()
				b := newFleet(t)
				id, w := b.running(t, b.worker(t))
				b.sql(t, cancel)
				move(t, b, w)
				b.wantStatus(t, id, session.RecordCancelled)
			})
		}
	}
}

func TestQueuedRecordOfACancellingSessionDoesNotBecomePending(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(t *testing.T, b *fleetBundle, ticket session.Ticket){
		"bell missed twice": func(t *testing.T, b *fleetBundle, ticket session.Ticket) {
			t.Helper()
			for range 2 {
				b.missesLieBack(t)
				if _, err := b.MarkBells(t.Context(), nil, []session.Ticket{ticket}); err != nil {
					t.Fatal(err)
				}
			}
		},
		"all rung again": func(t *testing.T, b *fleetBundle, _ session.Ticket) {
			t.Helper()
			if n, err := b.RingAllAgain(t.Context()); n != 1 || err != nil {
				t.Fatalf("RingAllAgain = %d, %v", n, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFleet(t)
			b.worker(t)
			id := b.start(t, b.instances(t, 1)...)
			ticket := b.ticket(t, id)
			b.sql(t, `UPDATE sync_sessions SET status = 'cancelling', cancel_requested_at = now()`)
			move(t, b, ticket)
			b.wantStatus(t, id, session.RecordCancelled)
		})
	}
}

func TestCompleteForDeletedInstanceStoresNothing(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	b.sql(t, `UPDATE instances SET deleted_at = now()`)
	if err := b.complete(t.Context(), w.Claim); err != nil {
		t.Fatal(err)
	}
	b.wantStatus(t, id, session.RecordSkipped)
	if n := value[int](t, b.pool, `SELECT count(*) FROM last_syncs`); n != 0 {
		t.Errorf("%d last syncs, want none", n)
	}
}

// The deletion is under way when the merge begins, and commits before it ends.
func TestCompleteBesideADeletionStoresNothing(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	deletion := b.hold(t, `UPDATE instances SET deleted_at = now(), active = false`)
	completed := make(chan error, 1)
	go func() { completed <- b.complete(t.Context(), w.Claim) }()
	waits := `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	for len(completed) == 0 && value[int](t, b.pool, waits) == 0 {
		runtime.Gosched()
	}
	if err := deletion.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-completed; err != nil {
		t.Fatal(err)
	}
	b.wantStatus(t, id, session.RecordSkipped)
	if n := value[int](t, b.pool, `SELECT (SELECT count(*) FROM last_syncs) + (SELECT count(*) FROM accounts)`); n != 0 {
		t.Errorf("%d rows were stored", n)
	}
}

func TestCloseTakesTerminalStatesOnly(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	_, w := b.running(t, b.worker(t))
	for _, status := range []session.RecordStatus{session.RecordQueued, session.RecordRunning, session.RecordPending} {
		if err := b.Close(t.Context(), w.Claim, status, nil, nil); err == nil {
			t.Errorf("closed as %s", status)
		}
	}
}

func TestHostileTextsAreStored(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"NUL":           "a\x00b",
		"escaped NUL":   `a\u0000b`,
		"invalid UTF-8": "a\xff\xfeb",
		"long":          strings.Repeat("é", 4000),
		"quotes":        `'; DROP TABLE accounts; -- "`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFleet(t)
			worker := b.worker(t)
			_, w := b.running(t, worker)
			fault := &session.Fault{Code: session.CodeQuery, Phase: session.PhaseQuery("roles"), Err: errors.New(text)}
			if err := b.Close(t.Context(), w.Claim, session.RecordFailed, fault, map[string]any{"text": text}); err != nil {
				t.Errorf("close: %v", err)
			}
			_, w = b.running(t, worker)
			snap := account.Snapshot{Server: fleet.Server{Flavour: text, Version: text, Identity: "x"}}
			_, err := b.CompleteAccounts(t.Context(), w.Claim, snap, account.HoldRules{Percent: 30, Minimum: 20}, map[string]any{text: text})
			if err != nil {
				t.Errorf("complete: %v", err)
			}
		})
	}
}

func TestBigDetailsAreStoredOrReplaced(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	for _, n := range []int{10, 20_000, 32_000, 40_000} {
		_, w := b.running(t, worker)
		// As jsonb prints it, [1, 1, …] is half as long again as [1,1,…].
		if err := b.Close(t.Context(), w.Claim, session.RecordFailed, faultOf(session.CodeTLS), map[string]any{"list": make([]int, n)}); err != nil {
			t.Errorf("details of %d numbers: %v", n, err)
		}
	}
}

func TestCompleteTakesNoDetails(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	snap := emptyServer()
	for i := range 40 { // held at the next read, which adds details
		snap.Accounts = append(snap.Accounts, account.Account{Identity: string(rune('a' + i)), Name: "n", Kind: account.User})
	}
	if _, err := b.CompleteAccounts(t.Context(), w.Claim, snap, account.HoldRules{Percent: 30, Minimum: 20}, nil); err != nil {
		t.Fatal(err)
	}
	instance := b.onlyRecord(t, id).InstanceID
	second := b.start(t, instance)
	b.prove(t, second)
	w = b.claim(t, b.ticket(t, second), w.Worker)
	out, err := b.CompleteAccounts(t.Context(), w.Claim, emptyServer(), account.HoldRules{Percent: 30, Minimum: 20}, nil)
	if err != nil || !out.Partial {
		t.Errorf("outcome %+v, %v; want it held", out, err)
	}
}
