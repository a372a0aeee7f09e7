package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // as in the program

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/doctor"
	"github.com/dbfleet/dbfleet/internal/secret"
)

const testToken = "dbf_7_canary-token-canary-token-canary-token-canary"

// fakeAPI answers like the API, one handler per route, and keeps what it was asked.
type fakeAPI struct {
	url string

	mu   sync.Mutex // guards seen
	seen []request
}

type request struct {
	route, query, token, body string
	header                    http.Header
}

type routes map[string]http.HandlerFunc

// serve starts a fakeAPI. An unknown route answers 404 as a problem.
func serve(t *testing.T, handlers routes) *fakeAPI {
	t.Helper()
	f := &fakeAPI{}
	mux := http.NewServeMux()
	for pattern, h := range handlers {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /api/v1"+path, h)
	}
	mux.HandleFunc("/", problem(http.StatusNotFound, "not_found", "no such thing"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.record(r)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fakeAPI) record(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, request{
		route: r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/v1"), query: r.URL.RawQuery,
		token: r.Header.Get("Authorization"), body: string(body), header: r.Header,
	})
}

func (f *fakeAPI) requests() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

func (f *fakeAPI) last() request {
	all := f.requests()
	if len(all) == 0 {
		return request{}
	}
	return all[len(all)-1]
}

func answerJSON(status int, v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
}

func page[T any](items ...T) http.HandlerFunc {
	return answerJSON(http.StatusOK, map[string]any{"items": items, "next_cursor": nil})
}

func problem(status int, code, detail string, fields ...client.FieldError) http.HandlerFunc {
	p := client.Problem{
		Type: "urn:dbfleet:problem:" + code, Title: "Title of " + code, Status: status,
		Code: code, Detail: &detail, RequestId: "01JREQUEST",
	}
	if len(fields) > 0 {
		p.Field, p.Errors = &fields[0].Field, &fields
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(p)
	}
}

// ran is what a command line left behind.
type ran struct {
	code     int
	out, err string
}

// errInterrupt is the cause that a signal gives to a context.
var errInterrupt = errors.New("interrupt signal received")

// bench is one command line under test.
type bench struct {
	api   *fakeAPI
	stdin string
	env   map[string]string
	local Local
	width int
	// interrupted cancels before the command starts, atPause at its first pause.
	interrupted, atPause bool

	now time.Time
}

func (b *bench) run(t *testing.T, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	env := map[string]string{"DBFLEET_TOKEN": testToken}
	if b.api != nil {
		env["DBFLEET_API_URL"] = b.api.url
	}
	for k, v := range b.env {
		env[k] = v
	}
	std := Streams{In: strings.NewReader(b.stdin), Out: &out, Err: &errs, Env: func(k string) string { return env[k] }}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	a := newApp(std, b.local)
	b.now = sampleTime
	a.now = func() time.Time { return b.now }
	a.zone = time.UTC
	a.width = func() int { return b.width }
	a.pause = func(ctx context.Context, d time.Duration) error {
		b.now = b.now.Add(d)
		if b.atPause {
			cancel(errInterrupt)
		}
		return context.Cause(ctx)
	}
	if b.interrupted {
		cancel(errInterrupt)
	}
	code := a.run(ctx, args)
	return ran{code, out.String(), errs.String()}
}

func (r ran) want(t *testing.T, code int, out ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code = %d, want %d\nout: %s\nerr: %s", r.code, code, r.out, r.err)
	}
	for _, part := range out {
		if !strings.Contains(r.out, part) {
			t.Errorf("out lacks %q:\n%s", part, r.out)
		}
	}
}

func (r ran) wantErr(t *testing.T, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(r.err, part) {
			t.Errorf("err lacks %q:\n%s", part, r.err)
		}
	}
}

// Samples in the API's shapes.
var (
	sampleTime    = time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	sampleID      = uuid.MustParse("6f2c1f0e-0a7c-4c53-9b0d-0d6f8e2f4a11")
	sampleSession = "6f2c1f0e-0a7c-4c53-9b0d-0d6f8e2f4a11"
)

// running is a session with done of total records ended.
func running(done, total int) client.SyncSession {
	rate, left := 4.0, int64(13)
	return client.SyncSession{
		SessionId: sampleID, Type: client.SessionTypeManualBatch, Category: client.CategoryAccount,
		Status: client.SessionStatusRunning, StartedAt: sampleTime, DeadlineAt: sampleTime.Add(6 * time.Hour), MaxAttempts: 3,
		CreatedAt: sampleTime, UpdatedAt: sampleTime, TotalInstances: total, RatePerSecond: &rate, EtaSeconds: &left,
		Counts: client.Counts{Completed: done, Running: min(4, total-done), Pending: max(0, total-done-4)}, ErrorGroups: []client.ErrorGroup{},
	}
}

func endedSession(result client.SessionResult, counts client.Counts) client.SyncSession {
	s := running(0, counts.Completed+counts.Failed+counts.Cancelled)
	end := sampleTime.Add(25 * time.Second)
	s.Status, s.Result, s.CompletedAt, s.Counts = client.SessionStatusCompleted, &result, &end, counts
	s.RatePerSecond, s.EtaSeconds = nil, nil
	s.Items = client.Items{Synced: 5120, Created: 3, Updated: 1}
	if counts.Failed > 0 {
		s.Status = client.SessionStatusFailed
		s.ErrorGroups = []client.ErrorGroup{{
			Code: "connect_timeout", Phase: "connect", Count: counts.Failed, Sample: "orders-7", Message: "dial tcp 10.1.2.3:5432: over 10s",
		}}
	}
	return s
}

func succeeded() client.SyncSession {
	return endedSession(client.SessionResultSucceeded, client.Counts{Completed: 3})
}

func sampleInstance() client.Instance {
	return client.Instance{
		Id: 12, Name: "orders-1", Engine: client.EnginePostgresql, Host: "orders-1.example.net", Port: 5432, CredentialId: 3,
		TlsMode: client.TLSModeVerifyFull, Tags: []string{"production"}, Active: true, Version: "17.6", Contact: client.ContactAlive,
		CreatedAt: sampleTime, UpdatedAt: sampleTime,
	}
}

func sampleUser() client.User {
	return client.User{Id: 7, Name: "alice", Role: client.RoleOperator, CreatedAt: sampleTime, LastUsedAt: &sampleTime}
}

func disabled(u client.User) client.User {
	u.DisabledAt = &sampleTime
	return u
}

func sampleToken() client.Token {
	return client.Token{Id: 31, UserId: 7, UserName: "alice", Name: "laptop", CreatedAt: sampleTime, ExpiresAt: new(sampleTime.Add(time.Hour))}
}

func sampleEvent() client.AuditEvent {
	return client.AuditEvent{
		Id: 9001, At: sampleTime, UserId: 7, UserName: "alice", Action: "instance.update", ObjectType: "instance", ObjectId: "12",
		Outcome: client.AuditOutcomeDone, Detail: map[string]any{"name": "orders-1"}, RequestId: "01J", RemoteAddr: "10.0.0.9",
	}
}

func sampleCredential() client.Credential {
	return client.Credential{Id: 3, Name: "monitor", Username: "dbfleet", KeyId: "3f0c9a2b41d7e865", Version: 2, CreatedAt: sampleTime, UpdatedAt: sampleTime}
}

func sampleHold() client.Hold {
	return client.Hold{
		Id: 5, InstanceId: 12, InstanceName: "orders-1", Reason: client.HoldReasonMassDisappearance, Status: client.HoldStatusOpen,
		TimesSeen: 1, KnownCount: 120, MissingCount: 80, Missing: []string{"16384"}, RecordId: 4711, SessionId: sampleID,
		CreatedAt: sampleTime, SeenAt: sampleTime,
	}
}

func sampleSchedule() client.Schedule {
	next := sampleTime.AddDate(0, 0, 1)
	return client.Schedule{
		Id: 4, Name: "nightly", Cron: "0 2 * * *", TimeZone: "Europe/Berlin", Category: client.CategoryAccount,
		Selector: client.Selector{Tags: &[]string{"production"}}, Overlap: client.OverlapQueue, CatchUp: client.CatchUpOnce,
		NextFireAt: &next, CreatedBy: 7, CreatedAt: sampleTime, UpdatedAt: sampleTime,
	}
}

func sampleFire() client.ScheduleFire {
	return client.ScheduleFire{
		Id: 31, ScheduleId: 4, FireTime: sampleTime, Trigger: client.ScheduleFireTriggerCron, Outcome: client.ScheduleFireOutcomeStarted,
		Late: true, SessionId: &sampleID, CreatedAt: sampleTime, UpdatedAt: sampleTime,
	}
}

func sampleAccount() client.Account {
	return client.Account{
		Id: 90210, InstanceId: 12, InstanceName: "orders-1", Identity: "16384", Name: "app", Kind: client.AccountKindUser,
		CanLogin: true, FirstSeenAt: sampleTime, LastSeenAt: sampleTime, MembershipCount: 1, GrantCount: 2,
	}
}

func sampleRecord() client.SyncRecord {
	return client.SyncRecord{
		Id: 4711, SessionId: sampleID, InstanceId: 12, InstanceName: "orders-1", Category: client.CategoryAccount,
		Status: client.RecordStatusFailed, Attempt: 1, DueAt: sampleTime, CreatedAt: sampleTime, Details: json.RawMessage(`{}`),
		Fault: &client.Fault{Code: "auth_failed", Phase: "login", Message: `password authentication failed for user "monitor"`},
	}
}

func sampleSetting() client.Setting {
	return client.Setting{
		Key: "dispatch.host_limit", Kind: client.SettingKindNumber, Value: json.RawMessage("8"), Default: json.RawMessage("4"),
		Min: new(1), Max: new(10000), Help: "records of one host key that are queued or running at once",
	}
}

// fakeLocal answers with what it is given.
type fakeLocal struct {
	steps []Migration
	found []doctor.Finding
	err   error

	down    int64
	token   TokenRequest
	options DemoOptions
	keys    []Key
	report  ResealReport
	retired secret.KeyID
}

func (f *fakeLocal) Keys(context.Context) ([]Key, error) { return f.keys, f.err }

func (f *fakeLocal) Reseal(_ context.Context, progress func(int)) (ResealReport, error) {
	progress(f.report.Resealed)
	return f.report, f.err
}

func (f *fakeLocal) RetireKey(_ context.Context, id secret.KeyID) error {
	f.retired = id
	return f.err
}

func (f *fakeLocal) MigrateUp(context.Context) ([]Migration, error) { return f.steps, f.err }

func (f *fakeLocal) MigrateDown(_ context.Context, to int64) ([]Migration, error) {
	f.down = to
	return f.steps, f.err
}

func (f *fakeLocal) Migrations(context.Context) ([]Migration, error) { return f.steps, f.err }

func (f *fakeLocal) CreateToken(_ context.Context, r TokenRequest) (secret.Text, error) {
	f.token = r
	return secret.New("dbf_1_new"), f.err
}

func (f *fakeLocal) Doctor(context.Context) ([]doctor.Finding, error) { return f.found, f.err }

func (f *fakeLocal) Demo(_ context.Context, o DemoOptions) error {
	f.options = o
	return f.err
}
