package httpapi_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

const aBatch = `{"category":"account","selector":{"tags":["prod"],"engines":["postgresql"]},"max_attempts":5}`

func TestCreateSessionCarriesTheRequest(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	send := request{role: user.Operator, method: "POST", path: "/sync-sessions", body: aBatch, header: map[string]string{"Idempotency-Key": "k1"}}
	if a := b.do(t, send); a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	got := b.sessions.created
	if got.Category != session.Account || !slices.Equal(got.Selector.Tags, []string{"prod"}) || len(got.Selector.Engines) != 1 ||
		got.MaxAttempts != 5 || got.IdempotencyKey != "k1" {
		t.Errorf("asked for %+v", got)
	}
	if want := one[int64](t, b, `SELECT id FROM users WHERE role = 'operator'`); *got.CreatedBy != want {
		t.Errorf("created by %d, want %d", *got.CreatedBy, want)
	}
	b.sessions.set(func(f *fakeSessions) { f.replayed = true })
	if a := b.do(t, send); a.status != 200 {
		t.Errorf("sent again: %d", a.status)
	}
}

func TestOverlongIdempotencyKey(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	long := string(slices.Repeat([]byte("k"), 201))
	a := b.do(t, request{role: user.Operator, method: "POST", path: "/sync-sessions", body: aBatch, header: map[string]string{"Idempotency-Key": long}})
	if a.status != 400 || a.problem.Field != "Idempotency-Key" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestRunningSessionShowsItsProgress(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var s struct {
		Progress  float64           `json:"progress"`
		Rate      *float64          `json:"rate_per_second"`
		ETA       *int64            `json:"eta_seconds"`
		Result    *string           `json:"result"`
		Completed *string           `json:"completed_at"`
		Started   string            `json:"started_at"`
		Groups    []json.RawMessage `json:"error_groups"`
		Counts    map[string]int    `json:"counts"`
	}
	b.must(t, 200, "GET", aSession, "", &s)
	if s.Progress != 33.33 || *s.Rate != 8.33 || *s.ETA != 24 || s.Result != nil || s.Completed != nil {
		t.Errorf("progress %v, rate %v, eta %v, %+v", s.Progress, *s.Rate, *s.ETA, s)
	}
	if s.Started != "2026-11-21T01:00:00Z" || s.Groups == nil || s.Counts["pending"] != 150 || s.Counts["partial"] != 4 {
		t.Errorf("%+v", s)
	}
	b.sessions.set(func(f *fakeSessions) {
		f.session = running()
		f.session.Counts = session.Counts{Completed: 299, Running: 1}
	})
	b.must(t, 200, "GET", aSession, "", &s)
	if s.Progress != 99.66 {
		t.Errorf("one record is open: progress %v", s.Progress)
	}
	b.sessions.set(func(f *fakeSessions) {
		f.session.Counts, f.session.Progress = session.Counts{Pending: 300}, session.Progress{}
	})
	b.must(t, 200, "GET", aSession, "", &s)
	if s.Progress != 0 || s.ETA != nil || s.Rate != nil {
		t.Errorf("nothing has ended: progress %v, eta %v", s.Progress, s.ETA)
	}
}

func TestEndedSessionShowsItsSum(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.sessions.set(func(f *fakeSessions) { f.session = ended() })
	var got map[string]any
	b.must(t, 200, "GET", aSession, "", &got)
	for field, want := range map[string]any{
		"status": "failed", "result": "partial", "progress": 100.0, "rate_per_second": nil, "eta_seconds": nil,
		"durations_ms": map[string]any{"p50": 200.0, "p95": 10000.0, "max": 10000.0},
		"error_groups": []any{map[string]any{"code": "auth_failed", "phase": "login", "count": 2.0, "sample": "a", "message": "no"}},
		"items":        map[string]any{"synced": 5000.0, "created": 4.0, "updated": 3.0, "deleted": 2.0},
		"selector":     map[string]any{"ids": []any{1.0, 2.0}, "engines": []any{"postgresql"}},
	} {
		if diff := cmp.Diff(want, got[field]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
}

func TestRecordsShowWhatHappened(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var page struct{ Items []map[string]any }
	b.must(t, 200, "GET", aSession+"/records?status=failed", "", &page)
	if !slices.Equal(b.sessions.records.Status, []session.RecordStatus{session.RecordFailed}) {
		t.Errorf("filtered by %+v", b.sessions.records)
	}
	got := page.Items[0]
	want := map[string]any{
		"code": "auth_failed", "phase": "login", "message": "password authentication failed", "fingerprint": aFingerprint,
	}
	if diff := cmp.Diff(want, got["fault"]); diff != "" || got["duration_ms"] != 812.0 || !cmp.Equal(got["details"], map[string]any{"databases": 3.0}) {
		t.Errorf("record %v", got)
	}
}

func TestCancelSaysWhetherSomethingStillRuns(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.sessions.set(func(f *fakeSessions) { f.session = running(); f.session.Status = session.Cancelling })
	b.must(t, 202, "POST", aSession+"/cancel", "", nil)
	b.sessions.set(func(f *fakeSessions) { f.session = ended(); f.session.Status = session.Cancelled })
	b.must(t, 200, "POST", aSession+"/cancel", "", nil)
	b.must(t, 200, "POST", aSession+"/records/4711/cancel", "", nil)
	b.sessions.set(func(f *fakeSessions) {
		f.record = failedRecord()
		f.record.Status, f.record.Details, f.record.Fault = session.RecordRunning, nil, nil
	})
	a := b.must(t, 202, "POST", aSession+"/records/4711/cancel", "", nil)
	var got map[string]any
	decode(t, a.body, &got)
	if got["fault"] != nil || !cmp.Equal(got["details"], map[string]any{}) {
		t.Errorf("record %v", got)
	}
}

func TestRetryCarriesTheRequest(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.must(t, 201, "POST", aSession+"/retry", `{"scope":"failed","code":"auth_failed"}`, nil)
	if got := b.sessions.retried; got.Parent != sessionID || got.Scope != session.RetryFailed || got.Code != session.CodeAuthFailed || got.CreatedBy == nil {
		t.Errorf("asked for %+v", got)
	}
	b.must(t, 201, "POST", aSession+"/retry", `{"status":["failed","skipped"],"fingerprint":"`+aFingerprint+`"}`, nil)
	want := []session.RecordStatus{session.RecordFailed, session.RecordSkipped}
	if got := b.sessions.retried; got.Fingerprint != aFingerprint || !slices.Equal(got.Statuses(), want) {
		t.Errorf("asked for %+v", got)
	}
	b.must(t, 201, "POST", aSession+"/retry", `{}`, nil)
	if got := b.sessions.retried.Statuses(); !slices.Equal(got, []session.RecordStatus{session.RecordFailed}) {
		t.Errorf("nothing said: %v", got)
	}
}

func TestSessionRefusals(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for _, tt := range []struct {
		err                error
		method, path, body string
		status             int
		code               string
	}{
		{session.ErrNotFound, "GET", aSession, "", 404, "session_not_found"},
		{session.ErrNotFound, "GET", aSession + "/records", "", 404, "session_not_found"},
		{session.ErrNotFound, "GET", aSession + "/errors", "", 404, "session_not_found"},
		{session.ErrNotFound, "GET", aSession + "/events", "", 404, "session_not_found"},
		{session.ErrAway, "GET", aSession + "/events", "", 503, "unavailable"},
		{session.ErrFinished, "POST", aSession + "/cancel", "", 409, "already_finished"},
		{session.ErrRecordNotFound, "POST", aSession + "/records/1/cancel", "", 404, "record_not_found"},
		{session.ErrRunning, "POST", aSession + "/retry", `{"scope":"cancelled"}`, 409, "session_running"},
		{session.ErrEmptySelection, "POST", "/sync-sessions", aBatch, 422, "empty_selection"},
		{session.ErrNotServed, "POST", "/sync-sessions", aBatch, 422, "category_not_served"},
		{session.ErrIdempotencyMismatch, "POST", "/sync-sessions", aBatch, 422, "idempotency_mismatch"},
		{session.ErrAway, "GET", "/workers", "", 503, "unavailable"},
	} {
		b.sessions.set(func(f *fakeSessions) { f.err = tt.err })
		a := b.do(t, request{role: user.Admin, method: tt.method, path: tt.path, body: tt.body})
		if a.status != tt.status || a.problem.Code != tt.code {
			t.Errorf("%s %s, %v: %d %s", tt.method, tt.path, tt.err, a.status, a.body)
		}
	}
}
