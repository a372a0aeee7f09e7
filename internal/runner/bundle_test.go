package runner

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary is the password of every target here; it must show up nowhere.
const canary = "correct-horse-battery"

// A settled is one write of the runner: a status it closed a record with, or
// "returned".
type settled struct {
	how   string
	fault *session.Fault
	delay time.Duration
}

// A fakeStore claims every ticket and notes how its record was settled.
type fakeStore struct {
	mu       sync.Mutex // guards what follows
	worker   session.WorkerID
	awayFor  int // how many calls find Postgres away
	locked   int // how many settlements find the row locked
	claimed  int
	policy   session.RetryPolicy
	settled  []settled
	claimGo  chan struct{} // nil, or what a claim waits for before it returns
	claiming chan struct{} // nil, or told of every claim
}

func (f *fakeStore) away() error {
	if f.awayFor > 0 {
		f.awayFor--
		return session.ErrAway
	}
	return nil
}

func (f *fakeStore) Claim(_ context.Context, t session.Ticket, w session.WorkerID, limit time.Duration) (session.Work, error) {
	if f.claiming != nil {
		f.claiming <- struct{}{}
		<-f.claimGo
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.away(); err != nil {
		return session.Work{}, err
	}
	f.claimed++
	return session.Work{
		Claim:    session.Claim{Record: t.Record, Session: uuid.New(), Attempt: 1, Worker: w},
		Category: t.Category, Target: fleet.Target{Engine: fleet.PostgreSQL, Name: "orders"},
		Limit: limit, Policy: f.policy,
	}, nil
}

func (f *fakeStore) Close(_ context.Context, _ session.Claim, status session.RecordStatus, fault *session.Fault, _ map[string]any) error {
	return f.settle(settled{how: string(status), fault: fault})
}

func (f *fakeStore) Return(_ context.Context, _ session.Claim, fault *session.Fault, delay time.Duration) error {
	return f.settle(settled{how: "returned", fault: fault, delay: delay})
}

func (f *fakeStore) settle(s settled) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.away(); err != nil {
		return err
	}
	if f.locked > 0 {
		f.locked--
		return &session.Fault{Code: session.CodeStorage, Phase: session.PhaseStore, Err: errors.New("lock timeout")}
	}
	f.settled = append(f.settled, s)
	return nil
}

// all returns how records were settled.
func (f *fakeStore) all() []settled {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]settled(nil), f.settled...)
}

type jobFunc func(ctx context.Context, t Task) (Report, error)

func (f jobFunc) Run(ctx context.Context, t Task) (Report, error) { return f(ctx, t) }

type keys struct{}

func (keys) Open(secret.Binding, []byte) (secret.Text, error) { return secret.New(canary), nil }

// A bundle is a runner in a synctest bubble, and what it logs.
type bundle struct {
	*Runner
	store *fakeStore
	log   *strings.Builder
	ended int
}

// newBundle must be called inside a bubble.
func newBundle(t *testing.T, job jobFunc) *bundle {
	t.Helper()
	b := &bundle{store: &fakeStore{worker: uuid.New(), policy: session.RetryPolicy{MaxAttempts: 3}}, log: &strings.Builder{}}
	var mu sync.Mutex
	b.Runner = New(Config{
		Store: b.store, Keys: keys{}, Concurrency: 4,
		Jobs:     map[Kind]Job{{fleet.PostgreSQL, session.Account}: job},
		Settings: func(context.Context) (setting.Settings, error) { return setting.Defaults(), nil },
		Worker: func() session.WorkerID {
			b.store.mu.Lock()
			defer b.store.mu.Unlock()
			return b.store.worker
		},
		Ended: func(session.ID) {
			mu.Lock()
			defer mu.Unlock()
			b.ended++
		},
		Metrics: telemetry.New(),
		Log:     slog.New(slog.NewTextHandler(&lockedWriter{w: b.log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	return b
}

type lockedWriter struct {
	mu sync.Mutex
	w  *strings.Builder
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// handle works one ticket off in the background; the channel is closed at its end.
func (b *bundle) handle(ctx context.Context, record session.RecordID) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Handle(ctx, session.Ticket{Record: record, Gen: 1, Category: session.Account})
	}()
	return done
}

// wantSettled fails the test unless exactly one record was settled, and so.
func (b *bundle) wantSettled(t *testing.T, how string) settled {
	t.Helper()
	all := b.store.all()
	if len(all) != 1 || all[0].how != how {
		t.Fatalf("settled %+v, want one %s", all, how)
	}
	return all[0]
}

// hang is a job that reads until it is stopped.
func hang(ctx context.Context, _ Task) (Report, error) {
	<-ctx.Done()
	return Report{}, &session.Fault{Code: session.CodeTimeout, Phase: session.PhaseQuery("roles"), Err: context.Cause(ctx)}
}

// failing is a job that fails with a fault.
func failing(code session.Code) jobFunc {
	return func(context.Context, Task) (Report, error) {
		return Report{}, &session.Fault{Code: code, Phase: session.PhaseLogin, Err: errors.New("refused for " + canary)}
	}
}
