package httpapi_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

var sessionID = uuid.MustParse("6f2c1f0e-0a7c-4c53-9b0d-0d6f8e2f4a11")

const aFingerprint = "4be0a6d1f02c9e77"

// running is a session of 300 records of which 100 ended within 12 seconds.
func running() session.Session {
	by, from, rate, left := int64(2), session.ScheduleID(4), 8.333, 23400*time.Millisecond
	return session.Session{
		ID: sessionID, Type: session.ManualBatch, Category: session.Account, Status: session.Running,
		Selector:    session.Selector{IDs: []fleet.InstanceID{1, 2}, Engines: []fleet.Engine{fleet.PostgreSQL}},
		MaxAttempts: 3, CreatedBy: &by, Schedule: &from, StartedAt: now.Add(-12 * time.Second), DeadlineAt: now.Add(time.Hour),
		CreatedAt: now.Add(-12 * time.Second), UpdatedAt: now, Total: 300,
		Counts:   session.Counts{Pending: 150, Queued: 40, Running: 10, Completed: 97, Failed: 2, Skipped: 1, Partial: 4},
		Items:    session.Items{Synced: 5000, Created: 4, Updated: 3, Deleted: 2},
		Progress: session.Progress{Rate: &rate, Left: &left},
	}
}

func ended() session.Session {
	s := running()
	p50, most := 200*time.Millisecond, 10*time.Second
	s.Status, s.Result, s.CompletedAt, s.Progress = session.Failed, session.Partial, &now, session.Progress{}
	s.Counts = session.Counts{Completed: 297, Failed: 2, Skipped: 1}
	s.P50, s.P95, s.Max = &p50, &most, &most
	s.ErrorGroups = []session.ErrorGroup{{Code: session.CodeAuthFailed, Phase: session.PhaseLogin, Count: 2, Sample: "a", Message: "no"}}
	return s
}

func failedRecord() session.Record {
	started, took := now.Add(-2*time.Second), 812*time.Millisecond
	return session.Record{
		ID: 4711, SessionID: sessionID, InstanceID: 1, InstanceName: "orders-1", Category: session.Account,
		Status: session.RecordFailed, Attempt: 1, Failures: 1, DueAt: started, StartedAt: &started, CompletedAt: &now, Duration: &took,
		Fingerprint: aFingerprint,
		Fault:       &session.Fault{Code: session.CodeAuthFailed, Phase: session.PhaseLogin, Err: errors.New("password authentication failed")},
		Details:     []byte(`{"databases":3}`), CreatedAt: started,
	}
}

// fakeSessions answers with one session, or with err. It keeps the last calls.
type fakeSessions struct {
	mu       sync.Mutex // guards all below
	err      error
	session  session.Session // the zero value stands for running
	record   session.Record
	replayed bool
	next     session.Place
	created  session.Request
	retried  session.Retry
	filter   session.Filter
	records  session.RecordFilter
	page     session.Page
	asked    int // for the session
}

// set changes what the fake answers.
func (f *fakeSessions) set(change func(*fakeSessions)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeSessions) answer() (session.Session, error) {
	if f.session.ID == uuid.Nil {
		return running(), f.err
	}
	return f.session, f.err
}

func (f *fakeSessions) CreateSession(_ context.Context, r session.Request) (session.Session, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := r.Validate(); err != nil {
		return session.Session{}, false, err
	}
	f.created = r
	s, err := f.answer()
	return s, !f.replayed, err
}

func (f *fakeSessions) RetrySession(_ context.Context, r session.Retry) (session.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := r.Validate(); err != nil {
		return session.Session{}, err
	}
	f.retried = r
	return f.answer()
}

func (f *fakeSessions) CancelSession(context.Context, session.ID) (session.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.answer()
}

func (f *fakeSessions) CancelRecord(context.Context, session.ID, session.RecordID) (session.Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.record.ID == 0 {
		return failedRecord(), f.err
	}
	return f.record, f.err
}

func (f *fakeSessions) Session(context.Context, session.ID) (session.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return f.answer()
}

func (f *fakeSessions) Sessions(_ context.Context, filter session.Filter, p session.Page) ([]session.Session, session.Place, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filter, f.page = filter, p
	if err := filter.Validate(); err != nil {
		return nil, session.Place{}, err
	}
	s, err := f.answer()
	return []session.Session{s}, f.next, err
}

func (f *fakeSessions) ErrorKinds(context.Context, session.ID) ([]session.ErrorKind, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []session.ErrorKind{{
		Fingerprint: aFingerprint, Code: session.CodeAuthFailed, Phase: session.PhaseLogin, Message: "no <name>", Count: 2,
		Samples: []session.ErrorSample{{Record: 4711, InstanceID: 1, InstanceName: "orders-1", Message: `no "app"`}},
	}}, f.err
}

func (f *fakeSessions) Statistics(_ context.Context, filter session.Filter, now time.Time) (session.Statistics, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	filter, err := filter.Span(now)
	f.filter = filter
	if err != nil {
		return session.Statistics{}, err
	}
	took := 90 * time.Second
	figures := session.Figures{
		Sessions: 4, Ended: 3, Succeeded: 2, Total: 400, Counts: session.Counts{Completed: 290, Failed: 10},
		Busy: 2 * time.Minute, P50: &took, P95: &took, Max: &took,
	}
	return session.Statistics{
		From: *filter.From, To: *filter.To, Zone: "Asia/Shanghai", All: figures,
		Statuses: map[session.Status]session.Figures{session.Failed: figures}, Results: map[session.Result]session.Figures{},
		Days: []session.DayFigures{{Date: "2026-11-20"}, {Date: "2026-11-21", Figures: figures}},
	}, f.err
}

func (f *fakeSessions) Records(_ context.Context, _ session.ID, filter session.RecordFilter, p session.Page) ([]session.Record, session.Place, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records, f.page = filter, p
	return []session.Record{failedRecord()}, f.next, f.err
}

func (f *fakeSessions) Workers(context.Context) ([]session.Worker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []session.Worker{{
		ID: sessionID, Hostname: "h", PID: 1, Version: "v", Queues: []session.Category{session.Account},
		Concurrency: 64, StartedAt: now, BeatenAt: now, Alive: true,
	}}, f.err
}

// fakeAccounts answers with one account and one hold, or with err.
type fakeAccounts struct {
	mu      sync.Mutex // guards all below
	err     error
	next    account.Cursor
	filter  account.Filter
	holds   account.HoldFilter
	after   account.Cursor
	version account.VersionID
	decided *bool
	by      int64
	at      *time.Time
	compare account.Comparison
}

func (f *fakeAccounts) set(change func(*fakeAccounts)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeAccounts) ListAccounts(_ context.Context, filter account.Filter, _ int, after account.Cursor) ([]account.Listed, account.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filter, f.after = filter, after
	return []account.Listed{{
		ID: 1, InstanceID: 1, InstanceName: "orders-1", Identity: "16384", Name: "app", Kind: account.User,
		FirstSeenAt: now, LastSeenAt: now, Memberships: 1, Grants: 2,
	}}, f.next, f.err
}

func (f *fakeAccounts) Account(_ context.Context, _ account.ID, at *time.Time) (account.Detail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = at
	until := now.Add(-time.Hour)
	return account.Detail{
		ID: 1, InstanceID: 1, InstanceName: "orders-1", FirstSeenAt: now, LastSeenAt: now, Names: map[string]string{"16385": "readers"},
		Superuser: &account.SuperuserPath{Steps: []account.SuperuserStep{{Role: "16385", Name: "readers", Membership: account.Membership{Role: "16385", Admin: true}}}},
		Account: account.Account{
			Identity: "16384", Name: "app", Kind: account.User, ValidUntil: &until, Attributes: map[string]any{"connection_limit": -1},
			Memberships: []account.Membership{{Role: "16385", Admin: true}},
			Grants:      []account.Grant{{Type: "table", Object: "t", Privileges: []string{"SELECT"}, Source: account.Explicit}},
		},
	}, f.err
}

func (f *fakeAccounts) AccountHistory(_ context.Context, _ account.ID, _ int, after account.VersionID) ([]account.Version, account.VersionID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version = after
	return []account.Version{
		{ID: 9, AccountID: 1, Change: account.Disappeared, ValidFrom: now, Record: 2, Session: sessionID},
		{ID: 8, AccountID: 1, Change: account.Created, ValidFrom: now, ValidTo: &now, State: &account.Account{Name: "app"}, Record: 1, Session: sessionID},
	}, 8, f.err
}

func (f *fakeAccounts) CompareAccounts(_ context.Context, c account.Comparison, _ int, after account.Cursor) ([]account.Difference, account.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.compare, f.after = c, after
	return []account.Difference{
		{Side: account.OnlySecond, Name: "ann", Kind: account.User, Second: 7},
		{
			Side: account.OnBoth, Name: "app", Kind: account.User, First: 1, Second: 1,
			Diff: account.Diff{Fields: []account.FieldChange{{Name: "superuser", From: false, To: true}}},
		},
	}, f.next, f.err
}

func hold() account.Hold {
	return account.Hold{
		ID: 5, InstanceID: 1, InstanceName: "orders-1", Reason: account.MassDisappearance, Status: account.HoldOpen,
		TimesSeen: 1, Known: 120, MissingCount: 2, Missing: []string{"1", "2"}, Record: 1, Session: sessionID, CreatedAt: now, SeenAt: now,
	}
}

func (f *fakeAccounts) ListHolds(_ context.Context, filter account.HoldFilter, _ int, _ account.HoldID) ([]account.Hold, account.HoldID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holds = filter
	return []account.Hold{hold()}, 0, f.err
}

func (f *fakeAccounts) Hold(context.Context, account.HoldID) (account.Hold, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return hold(), f.err
}

func (f *fakeAccounts) DecideHold(_ context.Context, _ account.HoldID, confirm bool, by int64) (account.Hold, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decided, f.by = &confirm, by
	h := hold()
	h.Status, h.DecidedAt, h.DecidedBy = account.HoldConfirmed, &now, &by
	return h, f.err
}
