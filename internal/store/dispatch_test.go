package store

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
)

// busyBy counts the queued and running records per value of an expression.
func (b *fleetBundle) busyBy(t *testing.T, expression string) map[string]int {
	t.Helper()
	rows := values[string](t, b.pool, `SELECT (`+expression+`)::text FROM sync_instance_records WHERE status IN ('queued', 'running')`)
	counts := map[string]int{}
	for _, v := range rows {
		counts[v]++
	}
	return counts
}

func TestDispatchFillsTheWindowOnce(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.workerOf(t, 100, session.Account)
	b.prove(t, b.start(t, b.instances(t, 1000)...))
	if tickets := b.dispatch(t); len(tickets) != 300 {
		t.Fatalf("dispatched %d, want three times the concurrency", len(tickets))
	}
	if tickets := b.dispatch(t); len(tickets) != 0 {
		t.Errorf("dispatched %d more into a full window", len(tickets))
	}
	b.sql(t, `UPDATE sync_instance_records SET status = 'cancelled', completed_at = now() WHERE id IN
		(SELECT id FROM sync_instance_records WHERE status = 'queued' LIMIT 149)`)
	if tickets := b.dispatch(t); len(tickets) != 0 {
		t.Errorf("refilled %d above half a window", len(tickets))
	}
	b.sql(t, `UPDATE sync_instance_records SET status = 'cancelled', completed_at = now() WHERE id IN
		(SELECT id FROM sync_instance_records WHERE status = 'queued' LIMIT 1)`)
	if tickets := b.dispatch(t); len(tickets) != 150 {
		t.Errorf("refilled %d, want 150", len(tickets))
	}
}

func TestDispatchKeepsSmallWorkersFed(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.workerOf(t, 1, session.Account)
	b.prove(t, b.start(t, b.instances(t, 300)...))
	if tickets := b.dispatch(t); len(tickets) != 200 {
		t.Errorf("dispatched %d, want 200", len(tickets))
	}
}

func TestDispatchNeedsAWorkerOfTheQueue(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.start(t, b.instances(t, 1)...)
	if tickets, busy, err := b.Dispatch(t.Context(), noLimit); len(tickets) != 0 || busy || err != nil {
		t.Errorf("without workers: %v, %v, %v", tickets, busy, err)
	}
	b.workerOf(t, 8, session.Capacity)
	if tickets := b.dispatch(t); len(tickets) != 0 {
		t.Errorf("for workers of another queue: %v", tickets)
	}
	b.workerOf(t, 8, session.Account)
	b.lapse(t)
	if tickets := b.dispatch(t); len(tickets) != 0 {
		t.Errorf("for dead workers: %v", tickets)
	}
	b.workerOf(t, 8, session.Account)
	if tickets := b.dispatch(t); len(tickets) != 1 || tickets[0].Category != session.Account || tickets[0].Gen != 1 {
		t.Errorf("for a live one: %v", tickets)
	}
}

func TestDispatchRespectsHostsOverAllQueues(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	shared := b.onHost(t, "shared", 20)
	ids := slices.Concat(shared, b.instances(t, 20))
	for _, c := range []session.Category{session.Account, session.Capacity} {
		b.prove(t, b.startOf(t, c, ids...))
	}
	var held []session.Work
	for range 10 {
		for _, ticket := range b.dispatchLimited(t, 4) {
			held = append(held, b.claim(t, ticket, worker))
		}
		if n := b.busyBy(t, "host_key")["shared"]; n != 4 {
			t.Fatalf("%d records of the shared host are busy, want 4", n)
		}
		last := held[len(held)-1]
		held = held[:len(held)-1]
		b.fail(t, last, session.CodeTLS)
	}
}

// A host with most of a session's instances is full at once; the others of the
// session must not wait behind it.
func TestDispatchLooksPastFullHosts(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.worker(t)
	crowd, others := b.onHost(t, "crowded", 3000), b.instances(t, 20)
	b.prove(t, b.start(t, slices.Concat(crowd, others)...))
	b.sql(t, "UPDATE sync_instance_records SET dispatch_key = dispatch_key / 2 + CASE host_key WHEN 'crowded' THEN 0 ELSE 0.5 END")
	b.dispatchLimited(t, 4) // fills the host
	b.dispatchLimited(t, 4)
	if got := b.busyBy(t, "host_key = 'crowded'"); got["true"] != 4 || got["false"] != 20 {
		t.Errorf("busy on the crowded host %d, elsewhere %d; want 4 and 20", got["true"], got["false"])
	}
}

func TestDispatchTakesAnInstanceOnceAtATime(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	ids := b.instances(t, 5)
	for range 3 {
		b.prove(t, b.start(t, ids...))
	}
	for round := range 3 {
		tickets := b.dispatch(t)
		if len(tickets) != 5 {
			t.Fatalf("round %d dispatched %d, want one per instance", round, len(tickets))
		}
		if more := b.dispatch(t); len(more) != 0 {
			t.Fatalf("%d more of busy instances", len(more))
		}
		for _, ticket := range tickets {
			b.fail(t, b.claim(t, ticket, worker), session.CodeTLS)
		}
	}
}

func TestDispatchTriesAnUnprovenCredentialThreeTimesAtMost(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	b.start(t, b.instances(t, 20)...)
	tickets := b.dispatch(t)
	if len(tickets) != 3 {
		t.Fatalf("dispatched %d, want 3", len(tickets))
	}
	b.fail(t, b.claim(t, tickets[0], worker), session.CodeAuthFailed)
	if more := b.dispatch(t); len(more) != 0 {
		t.Fatalf("%d more, though one has failed and two are under way", len(more))
	}
	b.fail(t, b.claim(t, tickets[1], worker), session.CodeConnectTimeout) // never reached a login
	more := b.dispatch(t)
	if len(more) != 1 {
		t.Fatalf("%d in its place, want 1", len(more))
	}
	w := b.claim(t, more[0], worker)
	if err := b.ProveLogin(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if rest := b.dispatch(t); len(rest) != 16 {
		t.Errorf("%d after a success, want the rest", len(rest))
	}
	b.start(t, b.instances(t, 20)...)
	if tickets := b.dispatch(t); len(tickets) != 3 {
		t.Errorf("%d of another session, want 3", len(tickets))
	}
}

// A password that is changed to a wrong one in the middle of a session must not
// be tried by all that was queued while the old one was right.
func TestNewPasswordIsProvenAgain(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.workerOf(t, 20, session.Account)
	id, cancelling := b.start(t, b.instances(t, 30)...), b.start(t, b.instances(t, 1)...)
	b.prove(t, id)
	b.prove(t, cancelling)
	tickets := b.dispatch(t)
	if len(tickets) != 31 {
		t.Fatalf("dispatched %d", len(tickets))
	}
	b.sql(t, `UPDATE sync_sessions SET status = 'cancelling', cancel_requested_at = now() WHERE session_id = $1`, cancelling)
	key, err := secret.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	seal := func(place secret.Binding) ([]byte, error) { return key.Public().Seal(place, secret.New("wrong")) }
	if _, err := b.UpdateCredential(t.Context(), fleet.CredentialID(b.credential), fleet.CredentialChange{Seal: seal}); err != nil {
		t.Fatal(err)
	}
	b.wantStatus(t, cancelling, session.RecordCancelled)
	for _, ticket := range tickets {
		_, err := b.Claim(t.Context(), ticket, worker, time.Minute)
		wantErr(t, err, session.ErrClaimLost)
	}
	for range 3 {
		for _, ticket := range b.dispatch(t) {
			if w := b.claim(t, ticket, worker); w.Version != 2 {
				t.Errorf("claimed with version %d", w.Version)
			}
		}
	}
	if n := b.busyBy(t, "status")["running"]; n != session.MaxUnproven {
		t.Errorf("%d logins are tried with a password that nothing has proven", n)
	}
	if found, err := b.Violations(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("violations %v, %v", found, err)
	}
}

func TestDispatchCountsLoginsPerCredential(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.worker(t)
	ids := b.instances(t, 20)
	b.sql(t, `UPDATE instances SET credential_id = $2 WHERE id = ANY ($1)`, ids[:10], b.newCredential(t, "other"))
	b.start(t, ids...)
	b.dispatch(t)
	for credential, n := range b.busyBy(t, "credential_id") {
		if n != 3 {
			t.Errorf("%d of credential %s, want 3", n, credential)
		}
	}
}

func TestDispatchGivesUnreachableInstancesHalfAWindow(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.workerOf(t, 10, session.Account)
	ids := b.instances(t, 400)
	b.sql(t, `UPDATE instances SET contact = 'unreachable' WHERE id = ANY ($1)`, ids[:300])
	b.prove(t, b.start(t, ids...))
	b.dispatch(t)
	if got := b.busyBy(t, "lane"); got["0"] != 100 || got["1"] != 100 {
		t.Errorf("lanes %v, want half a window each", got)
	}
}

func TestDispatchTakesSmallSessionsBesideBigOnes(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.workerOf(t, 10, session.Account)
	big := b.start(t, b.instances(t, 5000)...)
	b.prove(t, big)
	b.dispatch(t)
	b.sql(t, `UPDATE sync_instance_records SET status = 'cancelled', completed_at = now() WHERE status = 'queued'`)
	small := b.start(t, b.instances(t, 10)...)
	b.prove(t, small)
	b.dispatch(t)
	if got := b.busyBy(t, "session_id"); got[small.String()] != 10 || got[big.String()] != 190 {
		t.Errorf("sessions %v, want all of the small one", got)
	}
}

func TestDispatchOrderIsRandomAndRetriesComeLast(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.workerOf(t, 10, session.Account)
	id := b.start(t, b.instances(t, 400)...)
	b.prove(t, id)
	first := b.dispatch(t)
	records := ticketRecords(first)
	if records[199] == records[0]+199 {
		t.Error("the first 200 were taken in order")
	}
	for _, ticket := range first {
		w := b.claim(t, ticket, worker)
		if err := b.Return(t.Context(), w.Claim, faultOf(session.CodeRefused), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range ticketRecords(b.dispatch(t)) {
		if _, retried := slices.BinarySearch(records, r); retried {
			t.Fatal("a retry went before a first attempt")
		}
	}
}

func TestDispatchLeavesWhatIsNotDue(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	if err := b.Return(t.Context(), w.Claim, faultOf(session.CodeRefused), time.Minute); err != nil {
		t.Fatal(err)
	}
	if tickets := b.dispatch(t); len(tickets) != 0 {
		t.Fatalf("dispatched %v", tickets)
	}
	b.makeDue(t)
	if ticket := b.ticket(t, id); ticket.Gen != 2 {
		t.Errorf("generation %d, want the next", ticket.Gen)
	}
}

func TestDispatchTakesRetriesAtTheirTime(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	_, w := b.running(t, b.worker(t))
	if err := b.Return(t.Context(), w.Claim, faultOf(session.CodeRefused), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for len(b.dispatch(t)) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("never due")
		}
	}
	if late := value[bool](t, b.pool, `SELECT queued_at < due_at OR queued_at > due_at + interval '5 s' FROM sync_instance_records`); late {
		t.Error("not queued at its time")
	}
}

func TestDispatchQuarantinesWhatLostTwoWorkers(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	b.prove(t, b.start(t, b.instances(t, 10)...))
	b.sql(t, `UPDATE sync_instance_records SET lost = 2 WHERE id IN (SELECT id FROM sync_instance_records LIMIT 4)`)
	tickets := b.dispatch(t)
	if got := b.busyBy(t, "lost"); got["2"] != 1 || got["0"] != 6 {
		t.Fatalf("dispatched by losses %v, want one suspect", got)
	}
	for _, ticket := range tickets {
		w := b.claim(t, ticket, worker)
		suspect := value[int](t, b.pool, `SELECT lost FROM sync_instance_records WHERE id = $1`, ticket.Record) == 2
		if more := b.dispatch(t); len(more) != 0 {
			t.Fatalf("dispatched %v beside a suspect", more)
		}
		if suspect {
			b.fail(t, w, session.CodeTLS)
			if next := b.dispatch(t); len(next) != 1 {
				t.Fatalf("dispatched %v, want the next suspect", next)
			}
			return
		}
	}
}

func TestDispatchSkipsSessionsThatDoNotRun(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.worker(t)
	cancelling, late := b.start(t, b.instances(t, 1)...), b.start(t, b.instances(t, 1)...)
	b.sql(t, `UPDATE sync_sessions SET status = 'cancelling', cancel_requested_at = now() WHERE session_id = $1`, cancelling)
	b.sql(t, `UPDATE sync_sessions SET deadline_at = now() WHERE session_id = $1`, late)
	if tickets := b.dispatch(t); len(tickets) != 0 {
		t.Errorf("dispatched %v", tickets)
	}
}

func TestDispatchersAtOnceNeverSendARecordTwice(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.workerOf(t, 1000, session.Account)
	hosts := []fleet.InstanceID{}
	for _, host := range []string{"a", "b", "c"} {
		hosts = append(hosts, b.onHost(t, host, 50)...)
	}
	ids := slices.Concat(hosts, b.instances(t, 850))
	b.prove(t, b.start(t, ids...))
	b.prove(t, b.start(t, ids...))
	var mu sync.Mutex
	sent := map[session.Ticket]int{}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range 10 {
				tickets, _, err := b.Dispatch(t.Context(), 4)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, ticket := range tickets {
					sent[ticket]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(sent) != 850+3*4 {
		t.Errorf("%d records were sent, want %d", len(sent), 850+3*4)
	}
	for ticket, n := range sent {
		if n != 1 || ticket.Gen != 1 {
			t.Errorf("%+v was sent %d times", ticket, n)
		}
	}
	for host, n := range b.busyBy(t, "host_key") {
		if n > 4 {
			t.Errorf("%d records of host %s", n, host)
		}
	}
}
