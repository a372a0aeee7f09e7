package store

import (
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

func TestFailHopelessEndsWhatIsPastTheDeadline(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id, other := b.start(t, b.instances(t, 5)...), b.start(t, b.instances(t, 1)...)
	b.prove(t, id)
	running := b.claim(t, b.dispatch(t)[0], worker)
	late := running.Session
	b.sql(t, `UPDATE sync_sessions SET deadline_at = now() - interval '1 s' WHERE session_id = $1`, late)
	if _, err := b.FailHopeless(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	for _, s := range []session.ID{id, other} {
		c := b.session(t, s).Counts
		if s == late && (c.Running != 1 || c.Pending+c.Queued != 0) || s != late && c.Failed != 0 {
			t.Errorf("session late=%v has %+v", s == late, c)
		}
	}
	for _, r := range b.records(t, late) {
		if r.Status == session.RecordFailed && r.Fault.Code != session.CodeSessionDeadline {
			t.Errorf("record = %+v", r)
		}
	}
}

func TestFailHopelessWorksInBatches(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id := b.start(t, b.instances(t, 2*batch+10)...)
	b.sql(t, `UPDATE sync_sessions SET deadline_at = now() - interval '1 s'`)
	if n, err := b.FailHopeless(t.Context(), time.Second); n != 2*batch+10 || err != nil {
		t.Errorf("FailHopeless = %d, %v", n, err)
	}
	open := value[int](t, b.pool, `SELECT count(*) FROM sync_instance_records WHERE session_id = $1 AND status IN ('pending', 'queued', 'running')`, id)
	if open != 0 {
		t.Errorf("%d records are open", open)
	}
}

// A hostBundle is a session over six instances of one host and one of another.
type hostBundle struct {
	*fleetBundle
	id      session.ID
	works   []session.Work // claims on the host
	healthy session.Work
}

func newHost(t *testing.T, claims int) *hostBundle {
	t.Helper()
	b := &hostBundle{fleetBundle: newFleet(t)}
	worker := b.worker(t)
	b.id = b.start(t, append(b.onHost(t, "dead", 6), b.instances(t, 1)...)...)
	b.prove(t, b.id)
	for _, ticket := range b.dispatch(t) {
		host := value[string](t, b.pool, `SELECT host_key FROM sync_instance_records WHERE id = $1`, ticket.Record)
		switch {
		case host != "dead":
			b.healthy = b.claim(t, ticket, worker)
		case len(b.works) < claims:
			b.works = append(b.works, b.claim(t, ticket, worker))
		}
	}
	return b
}

func (b *hostBundle) silent(t *testing.T, w session.Work) {
	t.Helper()
	if err := b.Return(t.Context(), w.Claim, faultOf(session.CodeConnectTimeout), time.Minute); err != nil {
		t.Fatal(err)
	}
}

func (b *hostBundle) wantGivenUp(t *testing.T, want int64) {
	t.Helper()
	if n, err := b.FailHopeless(t.Context(), 10*time.Second); n != want || err != nil {
		t.Errorf("FailHopeless = %d, %v; want %d", n, err, want)
	}
}

func TestHostIsDownAfterThreeSilentInstances(t *testing.T) {
	t.Parallel()
	b := newHost(t, 3)
	b.silent(t, b.works[0])
	b.silent(t, b.works[1])
	b.wantGivenUp(t, 0)
	b.silent(t, b.works[2])
	b.wantGivenUp(t, 6) // three silent ones that would be tried again, and three untried
	if c := b.session(t, b.id).Counts; c.Failed != 6 || c.Running != 1 {
		t.Errorf("counts = %+v: the other host's record goes on", c)
	}
	for _, r := range b.records(t, b.id) {
		if r.Status == session.RecordFailed && r.Fault.Code != session.CodeHostDown {
			t.Errorf("record = %+v", r)
		}
	}
}

func TestHostIsNotDownWhile(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, b *hostBundle){
		"one of its instances refuses": func(t *testing.T, b *hostBundle) {
			t.Helper()
			if err := b.Return(t.Context(), b.works[3].Claim, faultOf(session.CodeRefused), time.Minute); err != nil {
				t.Fatal(err)
			}
		},
		"one of its instances was read": func(t *testing.T, b *hostBundle) {
			t.Helper()
			if err := b.complete(t.Context(), b.works[3].Claim); err != nil {
				t.Fatal(err)
			}
		},
		"one of its instances is being read": func(t *testing.T, b *hostBundle) {
			t.Helper()
			b.sql(t, `UPDATE sync_instance_records SET started_at = now() - interval '11 s' WHERE id = $1`, b.works[3].Record)
		},
		"the session is cancelling": func(t *testing.T, b *hostBundle) {
			t.Helper()
			b.sql(t, `UPDATE sync_sessions SET status = 'cancelling', cancel_requested_at = now()`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newHost(t, 4)
			for _, w := range b.works[:3] {
				b.silent(t, w)
			}
			prepare(t, b)
			b.wantGivenUp(t, 0)
		})
	}
}

func TestHostIsNotDownWhenOneInstanceIsSilentThreeTimes(t *testing.T) {
	t.Parallel()
	b := newHost(t, 1)
	w := b.works[0]
	for range 2 {
		b.silent(t, w)
		b.sql(t, `UPDATE sync_instance_records SET due_at = now(), dispatch_key = 0 WHERE id = $1`, w.Record)
		w = b.claim(t, b.dispatch(t)[0], w.Worker)
	}
	b.silent(t, w)
	b.wantGivenUp(t, 0)
}

// A loginBundle is a session over six instances of one credential, four of them claimed.
type loginBundle struct {
	*fleetBundle
	id     session.ID
	worker session.WorkerID
}

func newLogin(t *testing.T) *loginBundle {
	t.Helper()
	b := &loginBundle{fleetBundle: newFleet(t)}
	b.worker = b.fleetBundle.worker(t)
	b.id = b.start(t, b.instances(t, 6)...)
	return b
}

func (b *loginBundle) reject(t *testing.T, n int) {
	t.Helper()
	for _, ticket := range b.dispatch(t)[:n] {
		b.fail(t, b.claim(t, ticket, b.worker), session.CodeAuthFailed)
	}
}

func (b *loginBundle) wantRejected(t *testing.T, want int64) {
	t.Helper()
	if n, err := b.FailHopeless(t.Context(), time.Second); n != want || err != nil {
		t.Errorf("FailHopeless = %d, %v; want %d", n, err, want)
	}
}

func TestCredentialIsRejectedAfterThreeFailedLogins(t *testing.T) {
	t.Parallel()
	b := newLogin(t)
	other := b.newCredential(t, "other")
	healthy := b.instances(t, 1)
	b.sql(t, `UPDATE instances SET credential_id = $2 WHERE id = ANY ($1)`, healthy, other)
	untouched := b.start(t, healthy...)
	sameElsewhere := b.start(t, b.instances(t, 1)...)
	b.sql(t, `UPDATE sync_instance_records SET due_at = now() + interval '1 h' WHERE session_id <> $1`, b.id)
	b.reject(t, 2)
	b.wantRejected(t, 0)
	if tickets := b.dispatch(t); len(tickets) != 0 {
		t.Fatalf("%d more at once than three logins", len(tickets))
	}
	b.sql(t, `UPDATE sync_instance_records SET status = 'pending', due_at = now() WHERE status = 'queued'`)
	b.reject(t, 1)
	b.wantRejected(t, 3)
	if s := b.session(t, b.id); s.Counts.Failed != 6 {
		t.Errorf("counts = %+v", s.Counts)
	}
	b.wantStatus(t, untouched, session.RecordPending)
	b.wantStatus(t, sameElsewhere, session.RecordPending)
}

func TestCredentialIsNotRejected(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, b *loginBundle){
		"once a login has succeeded": func(t *testing.T, b *loginBundle) {
			t.Helper()
			b.prove(t, b.id)
		},
		"once it has a new version": func(t *testing.T, b *loginBundle) {
			t.Helper()
			b.sql(t, `UPDATE credentials SET version = version + 1`)
		},
		"by other failures": func(t *testing.T, b *loginBundle) {
			t.Helper()
			b.sql(t, `ALTER TABLE sync_instance_records DISABLE TRIGGER sync_instance_records_terminal`)
			b.sql(t, `UPDATE sync_instance_records SET error_code = 'tls_failed' WHERE status = 'failed'`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLogin(t)
			b.reject(t, 3)
			prepare(t, b)
			b.wantRejected(t, 0)
			if tickets := b.dispatch(t); len(tickets) != 3 {
				t.Errorf("dispatched %d, want the other three", len(tickets))
			}
		})
	}
}
