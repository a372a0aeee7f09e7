package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// newRecords is a session whose six records are in every state that a list
// tells apart; their instances are named after it.
func newRecords(t *testing.T) (*fleetBundle, session.ID) {
	t.Helper()
	b := newFleet(t)
	id := b.start(t, b.instances(t, 6)...)
	for i, set := range []string{
		`instance_name = 'delta', status = 'completed', completed_at = now(), duration_ms = 300`,
		`instance_name = 'alpha', status = 'failed', completed_at = now(), duration_ms = 100, error_code = 'tls_failed', error_fingerprint = 'aaaaaaaaaaaaaaaa'`,
		`instance_name = 'Echo', status = 'failed', completed_at = now(), duration_ms = 200, error_code = 'auth_failed', error_fingerprint = 'bbbbbbbbbbbbbbbb'`,
		`instance_name = 'charlie', status = 'cancelled', completed_at = now()`,
		`instance_name = 'bravo', duration_ms = 250, failures = 1, error_code = 'tls_failed', error_fingerprint = 'aaaaaaaaaaaaaaaa'`,
		`instance_name = 'f_x', duration_ms = NULL`,
	} {
		b.sql(t, `UPDATE sync_instance_records SET `+set+` WHERE id = (
			SELECT id FROM sync_instance_records WHERE session_id = $1 ORDER BY id OFFSET $2 LIMIT 1)`, id, i)
	}
	return b, id
}

func (b *fleetBundle) recordNames(t *testing.T, id session.ID, f session.RecordFilter, o session.Order, limit int) string {
	t.Helper()
	var all []string
	for p := (session.Page{Order: o, Limit: limit}); ; {
		list, next, err := b.Records(t.Context(), id, f, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			all = append(all, r.InstanceName)
		}
		if next.ID == 0 {
			return strings.Join(all, " ")
		}
		if len(list) != limit {
			t.Fatalf("a page of %d, and more to come", len(list))
		}
		p.After = next
	}
}

func TestRecordsAreFiltered(t *testing.T) {
	t.Parallel()
	b, id := newRecords(t)
	for what, test := range map[string]struct {
		filter session.RecordFilter
		want   string
	}{
		"nothing":           {session.RecordFilter{}, "delta alpha Echo charlie bravo f_x"},
		"a state":           {session.RecordFilter{Status: []session.RecordStatus{session.RecordFailed}}, "alpha Echo"},
		"two states":        {session.RecordFilter{Status: []session.RecordStatus{session.RecordCancelled, session.RecordFailed}}, "alpha Echo charlie"},
		"code":              {session.RecordFilter{Code: session.CodeTLS}, "alpha bravo"},
		"code and state":    {session.RecordFilter{Code: session.CodeTLS, Status: []session.RecordStatus{session.RecordFailed}}, "alpha"},
		"fingerprint":       {session.RecordFilter{Fingerprint: "bbbbbbbbbbbbbbbb"}, "Echo"},
		"part of the name":  {session.RecordFilter{Query: "A"}, "delta alpha charlie bravo"},
		"an underscore":     {session.RecordFilter{Query: "_"}, "f_x"},
		"none of that name": {session.RecordFilter{Query: "%"}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			forth := b.recordNames(t, id, test.filter, session.Order{}, 2)
			back := strings.Fields(b.recordNames(t, id, test.filter, session.Order{By: session.ByID, Descending: true}, 2))
			slices.Reverse(back)
			if forth != test.want || strings.Join(back, " ") != test.want {
				t.Errorf("%q and %q, want %q", forth, back, test.want)
			}
			for _, by := range []session.SortKey{session.ByDuration, session.ByName} {
				for _, down := range []bool{false, true} {
					got := strings.Fields(b.recordNames(t, id, test.filter, session.Order{By: by, Descending: down}, 1))
					slices.Sort(got)
					want := strings.Fields(test.want)
					slices.Sort(want)
					if !slices.Equal(got, want) {
						t.Errorf("by %s: %v, want %v in any order", by, got, want)
					}
				}
			}
		})
	}
	_, _, err := b.Records(t.Context(), uuid.New(), session.RecordFilter{}, session.Page{Limit: 1})
	wantErr(t, err, session.ErrNotFound)
}

func TestRecordsAreSorted(t *testing.T) {
	t.Parallel()
	b, id := newRecords(t)
	for _, test := range []struct {
		order session.Order
		want  string
	}{
		{session.Order{By: session.ByID, Descending: true}, "f_x bravo charlie Echo alpha delta"},
		{session.Order{By: session.ByDuration}, "alpha Echo bravo delta charlie f_x"}, // the last two have none
		{session.Order{By: session.ByDuration, Descending: true}, "delta bravo Echo alpha f_x charlie"},
	} {
		for _, limit := range []int{1, 2, 3, 4, 5, 6, 100} {
			if got := b.recordNames(t, id, session.RecordFilter{}, test.order, limit); got != test.want {
				t.Errorf("by %+v, pages of %d: %s, want %s", test.order, limit, got, test.want)
			}
		}
	}
	sorted := value[string](t, b.pool, `SELECT string_agg(instance_name, ' ' ORDER BY instance_name) FROM sync_instance_records`)
	back := strings.Fields(b.recordNames(t, id, session.RecordFilter{}, session.Order{By: session.ByName, Descending: true}, 2))
	slices.Reverse(back)
	if got := b.recordNames(t, id, session.RecordFilter{}, session.Order{By: session.ByName}, 2); got != sorted || strings.Join(back, " ") != sorted {
		t.Errorf("by name %s and %v, want %s", got, back, sorted)
	}
}

// reasons lists why the records of a session wait, by their numbers.
func (b *fleetBundle) reasons(t *testing.T, id session.ID) []session.WaitingReason {
	t.Helper()
	var all []session.WaitingReason
	for _, r := range b.records(t, id) {
		reason := session.WaitingReason("-")
		if r.Waiting != nil {
			reason = r.Waiting.Reason
		}
		all = append(all, reason)
	}
	return all
}

func (b *fleetBundle) wantReasons(t *testing.T, id session.ID, want ...session.WaitingReason) {
	t.Helper()
	got := b.reasons(t, id)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("records wait for %v, want %v", got, want)
	}
}

func TestRecordsSayWhyTheyWait(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	ids := b.onHost(t, "one", 6)
	id := b.start(t, ids...)
	b.wantReasons(t, id, slices.Repeat([]session.WaitingReason{session.NoWorker}, 6)...)
	worker := b.worker(t)
	b.wantReasons(t, id, slices.Repeat([]session.WaitingReason{session.Ready}, 6)...)

	tickets := b.dispatch(t) // three: the credential is not proven
	b.wantReasons(t, id, session.Ready, session.Ready, session.Ready,
		session.CredentialUnproven, session.CredentialUnproven, session.CredentialUnproven)
	w := b.claim(t, tickets[0], worker)
	b.prove(t, id)
	if tickets = append(tickets, b.dispatchLimited(t, 4)...); len(tickets) != 4 {
		t.Fatalf("%d records are out, want the host's four", len(tickets))
	}
	b.wantReasons(t, id, "-", session.Ready, session.Ready, session.Ready, session.HostLimit, session.HostLimit)

	if err := b.Return(t.Context(), w.Claim, faultOf(session.CodeRefused), time.Hour); err != nil {
		t.Fatal(err)
	}
	b.wantReasons(t, id, session.DueLater, session.Ready, session.Ready, session.Ready, session.Ready, session.Ready)
	for _, r := range b.records(t, id) {
		if r.Waiting.Reason == session.DueLater && (r.Waiting.Until == nil || !r.Waiting.Until.Equal(r.DueAt)) {
			t.Errorf("due at %s, until %v", r.DueAt, r.Waiting.Until)
		}
	}

	other := b.start(t, ids...)
	for _, r := range b.records(t, other) {
		if reason := r.Waiting.Reason; reason == session.OtherSession && (r.Waiting.Session == nil || *r.Waiting.Session != id) {
			t.Errorf("waits for session %v, want %s", r.Waiting.Session, id)
		}
	}
	b.wantReasons(t, other, session.OtherSession, session.OtherSession, session.OtherSession, session.Ready, session.Ready, session.Ready)
	b.sql(t, `UPDATE workers SET queues = '{capacity}'`)
	b.wantReasons(t, other, slices.Repeat([]session.WaitingReason{session.NoWorker}, 6)...)
}

func TestFailuresAreGroupedByFingerprint(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id := b.start(t, b.instances(t, 10)...)
	b.prove(t, id)
	messages := []string{
		"dial tcp 10.0.0.1:5432: over 10s", "dial tcp 10.0.0.2:5432: over 12s", "dial tcp 10.0.0.3:5432: over 1m0s", "dial tcp 10.0.0.4:1: over 9s",
		"dial tcp 10.0.0.5:5432: over 10s", "dial tcp 10.0.0.6:5432: over 10s", "no route",
	}
	for i, ticket := range b.dispatch(t) {
		w := b.claim(t, ticket, worker)
		fault := &session.Fault{Code: session.CodeConnectTimeout, Phase: session.PhaseConnect}
		switch {
		case i < len(messages):
			fault.Err = errors.New(messages[i])
		case i == len(messages):
			fault.Code, fault.Err = session.CodeRefused, errors.New("dial tcp 10.0.0.1:5432: over 10s")
		default:
			if err := b.complete(t.Context(), w.Claim); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := b.Close(t.Context(), w.Claim, session.RecordFailed, fault, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, ended := range []bool{false, true} {
		if ended {
			if _, err := b.FinishSessions(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		kinds, err := b.ErrorKinds(t.Context(), id)
		if err != nil || len(kinds) != 3 {
			t.Fatalf("ended %v: %d kinds, %v", ended, len(kinds), err)
		}
		first := kinds[0]
		if first.Count != 6 || first.Code != session.CodeConnectTimeout || first.Phase != session.PhaseConnect ||
			first.Message != "dial tcp <address>: over <duration>" || len(first.Samples) != 5 ||
			!strings.HasPrefix(first.Samples[0].Message, "dial tcp 10.0.0.") || first.Samples[0].InstanceName == "" || first.Samples[0].Record == 0 {
			t.Errorf("ended %v: the biggest kind is %+v", ended, first)
		}
		if kinds[1].Count != 1 || kinds[2].Count != 1 || kinds[1].Code == kinds[2].Code {
			t.Errorf("ended %v: the others are %+v", ended, kinds[1:])
		}
		records, _, err := b.Records(t.Context(), id, session.RecordFilter{Fingerprint: first.Fingerprint}, session.Page{Limit: 100})
		if err != nil || len(records) != 6 {
			t.Errorf("%d records of the kind, %v", len(records), err)
		}
	}
	kinds, _ := b.ErrorKinds(t.Context(), id)
	child, err := b.RetrySession(t.Context(), session.Retry{Parent: id, Fingerprint: kinds[0].Fingerprint})
	if err != nil || child.Total != 6 {
		t.Errorf("a retry of the kind takes %d, %v", child.Total, err)
	}
	child, err = b.RetrySession(t.Context(), session.Retry{Parent: id, Status: []session.RecordStatus{session.RecordFailed, session.RecordSkipped}})
	if err != nil || child.Total != 8 {
		t.Errorf("a retry of all that failed takes %d, %v", child.Total, err)
	}
	if groups := b.session(t, id).ErrorGroups; len(groups) != 2 || groups[0].Count != 7 {
		t.Errorf("frozen groups = %+v", groups)
	}
	_, err = b.ErrorKinds(t.Context(), uuid.New())
	wantErr(t, err, session.ErrNotFound)
}

func TestFailuresOfBeforeAreGroupedByCode(t *testing.T) {
	t.Parallel()
	b, id := newRecords(t)
	b.sql(t, `UPDATE sync_instance_records SET error_fingerprint = '', completed_at = NULL, status = 'pending' WHERE false`)
	b.sql(t, `ALTER TABLE sync_instance_records DISABLE TRIGGER sync_instance_records_terminal`)
	b.sql(t, `UPDATE sync_instance_records SET error_fingerprint = ''`)
	kinds, err := b.ErrorKinds(t.Context(), id)
	if err != nil || len(kinds) != 2 || kinds[0].Fingerprint != "" || kinds[0].Code != session.CodeAuthFailed || kinds[1].Code != session.CodeTLS {
		t.Errorf("kinds = %+v, %v", kinds, err)
	}
}

// What a sweep writes in SQL and what it names in Go are one kind.
func TestVerdictsHaveTheFingerprintOfTheirMessage(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	late, poison := b.start(t, b.instances(t, 1)...), b.start(t, b.instances(t, 1)...)
	dead := b.start(t, append(b.onHost(t, "dead.example.net", 4), b.instances(t, 1)...)...)
	wrong := b.start(t, b.instances(t, 4)...)
	b.sql(t, `UPDATE sync_sessions SET deadline_at = now() - interval '1 s' WHERE session_id = $1`, late)
	b.sql(t, `UPDATE sync_instance_records SET lost = 2, status = 'running', worker_id = gen_random_uuid(), deadline_at = now() + interval '1 h'
		WHERE session_id = $1`, poison)
	b.sql(t, `UPDATE sync_instance_records SET contact = 'unreachable', status = 'failed', completed_at = now(), error_code = 'connect_timeout'
		WHERE id IN (SELECT id FROM sync_instance_records WHERE session_id = $1 AND host_key = 'dead.example.net' ORDER BY id LIMIT 3)`, dead)
	b.sql(t, `UPDATE sync_instance_records SET status = 'failed', completed_at = now(), error_code = 'auth_failed', credential_version = 1
		WHERE id IN (SELECT id FROM sync_instance_records WHERE session_id = $1 ORDER BY id LIMIT 3)`, wrong)
	if _, err := b.FailHopeless(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = worker
	for code, id := range map[session.Code]session.ID{
		session.CodeSessionDeadline: late, session.CodePoison: poison, session.CodeHostDown: dead, session.CodeCredentialRejected: wrong,
	} {
		list, _, err := b.Records(t.Context(), id, session.RecordFilter{Code: code}, session.Page{Limit: 10})
		if err != nil || len(list) != 1 {
			t.Errorf("%s: %d records, %v", code, len(list), err)
			continue
		}
		f := list[0].Fault
		if want := session.FingerprintOf(f.Code, f.Phase, f.Err.Error()); list[0].Fingerprint != want {
			t.Errorf("%q has the fingerprint %s, want %s", f.Err, list[0].Fingerprint, want)
		}
	}
}

func TestFingerprintGoesWithTheFault(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id, w := b.running(t, worker)
	if err := b.Return(t.Context(), w.Claim, faultOf(session.CodeRefused), 0); err != nil {
		t.Fatal(err)
	}
	if got := b.onlyRecord(t, id); got.Fingerprint != session.FingerprintOf(session.CodeRefused, session.PhaseConnect, "the driver's words") {
		t.Errorf("after a failure %+v", got)
	}
	b.makeDue(t)
	w = b.claim(t, b.ticket(t, id), worker)
	if err := b.Return(t.Context(), w.Claim, nil, 0); err != nil {
		t.Fatal(err)
	}
	if got := b.onlyRecord(t, id); got.Fingerprint == "" || got.Fault == nil {
		t.Errorf("given back untried %+v", got)
	}
	b.makeDue(t)
	w = b.claim(t, b.ticket(t, id), worker)
	if err := b.complete(t.Context(), w.Claim); err != nil {
		t.Fatal(err)
	}
	if got := b.onlyRecord(t, id); got.Fingerprint != "" || got.Fault != nil {
		t.Errorf("completed %+v", got)
	}
}

func TestSessionTellsItsRateAndWhatIsLeft(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	ids := b.instances(t, 10)
	b.history(t, ids, 4000)
	id := b.start(t, ids...)
	b.prove(t, id)
	if p := b.session(t, id).Progress; p.Left != nil {
		t.Errorf("nothing runs, and %s are left", *p.Left)
	}
	tickets := b.dispatch(t)
	for i, ticket := range tickets[:6] {
		w := b.claim(t, ticket, worker)
		if i < 4 {
			if err := b.complete(t.Context(), w.Claim); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.sql(t, `UPDATE sync_sessions SET started_at = now() - interval '1 h' WHERE session_id = $1`, id)
	p := b.session(t, id).Progress
	if p.Rate == nil || *p.Rate != 4.0/60 {
		t.Errorf("rate %v, want 4 a minute", p.Rate)
	}
	// Two run, just begun, and four are queued: six of 4 s each, two at a time.
	if p.Left == nil || *p.Left < 10*time.Second || *p.Left > 12*time.Second {
		t.Errorf("left %v, want at most 12 s", p.Left)
	}
	list, _, err := b.Sessions(t.Context(), session.Filter{}, session.Page{Limit: 1})
	if err != nil || list[0].Progress.Left != nil {
		t.Errorf("a list tells what is left: %+v, %v", list[0].Progress, err)
	}
	b.sql(t, `DELETE FROM sync_sessions WHERE session_id <> $1`, id)
	if p := b.session(t, id).Progress; p.Left != nil {
		t.Errorf("without a history %s are left", *p.Left)
	}
}

// history lets every instance have been read twice, at an average of mean ms,
// once with a failure in between, and once for another category.
func (b *fleetBundle) history(t *testing.T, ids []fleet.InstanceID, mean int) {
	t.Helper()
	for _, past := range []struct {
		category, status string
		ms               int
	}{{"account", "completed", mean / 2}, {"account", "failed", 999_999}, {"capacity", "completed", 999_999}, {"account", "completed", mean + mean/2}} {
		id := uuid.New()
		b.sql(t, `INSERT INTO sync_sessions (session_id, sync_type, sync_category, deadline_at, status, result, completed_at)
			VALUES ($1, 'scheduled', $2, now(), 'completed', 'succeeded', now())`, id, past.category)
		b.sql(t, `INSERT INTO sync_instance_records (session_id, instance_id, instance_name, sync_category, host_key, credential_id, status,
				completed_at, duration_ms, error_code)
			SELECT $1, id, name, $2, host_key, credential_id, $3, now(), $4, CASE WHEN $3 = 'failed' THEN 'timeout' END
			FROM instances WHERE id = ANY ($5)`, id, past.category, past.status, past.ms, ids)
	}
}
