// Package runner works records off inside a worker process: it claims what a
// ticket names, runs the job of its engine and category under a deadline, and
// settles it. It decides nothing about states or retries (package session does)
// and knows neither SQL nor the queue.
//
// The order of one record: claim in Postgres, read the target, store the
// results and complete the record in one transaction. Whatever happens in
// between (a crash, a cancel, a lost lease), the claim in each write decides.
package runner

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/logging"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

// Store is what the runner needs of Postgres.
type Store interface {
	Claim(ctx context.Context, t session.Ticket, w session.WorkerID, limit time.Duration) (session.Work, error)
	Close(ctx context.Context, c session.Claim, status session.RecordStatus, fault *session.Fault, details map[string]any) error
	Return(ctx context.Context, c session.Claim, fault *session.Fault, delay time.Duration) error
}

// Job reads one category from targets of one engine and stores what it read
// together with the completion of the record. It returns the outcome only after
// that was committed.
type Job interface {
	Run(ctx context.Context, t Task) (Report, error)
}

// Task is a claimed record as a job gets it.
type Task struct {
	session.Work // with the target's password
	Settings     setting.Settings
	// Answered tells the runner that the target has let us in. It may wait for a
	// free place to work, at most until ctx ends.
	Answered func(ctx context.Context)
	// Over is closed when the worker must end: the job then no longer waits for
	// a Postgres that is away. Nil is never closed.
	Over <-chan struct{}
}

// Report is what a job did, for the log and the metrics. The outcome counts only
// without an error; the times are those of what was begun, 0 of what was not.
type Report struct {
	session.Outcome
	Read   time.Duration // connecting and reading the target
	Stored time.Duration // waiting for Postgres and storing
}

// Kind is what a job serves.
type Kind struct {
	Engine   fleet.Engine
	Category session.Category
}

// Opener opens sealed passwords.
type Opener interface {
	Open(b secret.Binding, sealed []byte) (secret.Text, error)
}

// Config is what a Runner is made of; every field is required.
type Config struct {
	Store       Store
	Jobs        map[Kind]Job
	Keys        Opener
	Settings    func(context.Context) (setting.Settings, error)
	Worker      func() session.WorkerID // the life under which claims are made
	Ended       func(session.ID)        // told of every record that came to an end
	Concurrency int                     // records at a time, beside those whose target says nothing
	Metrics     *telemetry.Metrics
	Log         *slog.Logger
}

// Runner works on records. Goroutines may share it.
type Runner struct {
	Config

	slots   chan struct{} // one token per record that may be worked on
	closing chan struct{} // closed when nothing new may begin
	over    chan struct{} // closed when what runs is given back: nobody waits for Postgres any longer

	mu       sync.Mutex                  // guards what follows
	waiting  map[session.Ticket]struct{} // for a seat, or for Postgres to be claimed
	running  map[session.RecordID]attempt
	closed   bool
	released bool             // what begins now is given back at once
	lapsed   session.WorkerID // the life that was declared dead last
	busy     sync.WaitGroup
}

type attempt struct {
	number int
	stop   context.CancelCauseFunc
}

// Why an attempt was stopped before its end.
var (
	errCancelled = errors.New("cancelled")
	errReleased  = errors.New("worker is shutting down")
)

// New returns a runner with nothing running.
func New(c Config) *Runner {
	return &Runner{
		Config:  c,
		slots:   make(chan struct{}, c.Concurrency),
		closing: make(chan struct{}),
		over:    make(chan struct{}),
		waiting: map[session.Ticket]struct{}{},
		running: map[session.RecordID]attempt{},
	}
}

// Handle works the ticket's record off and returns when it is settled. It
// outlives ctx: only the record's own limit, a cancel, or the end of a drain ends it.
func (r *Runner) Handle(ctx context.Context, t session.Ticket) {
	if !r.enter(t) {
		return // still queued in Postgres: the reconciler rings again
	}
	defer r.busy.Done()
	defer r.waited(t)
	seat := r.sit()
	if seat == nil {
		return
	}
	defer seat.leave()
	ctx = logging.With(context.WithoutCancel(ctx),
		slog.String(logging.Module, t.Category.Module()),
		slog.Int64(logging.RecordID, int64(t.Record)),
	)
	w, err := r.claim(ctx, t)
	r.waited(t)
	switch {
	case errors.Is(err, session.ErrClaimLost):
		r.Log.DebugContext(ctx, "ticket has nothing to claim", "gen", t.Gen)
	case err != nil:
		r.Log.WarnContext(ctx, "record not claimed", "err", err)
	default:
		r.attempt(ctx, w, seat)
	}
}

// enter counts a handler in, unless the runner is closing.
func (r *Runner) enter(t session.Ticket) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.busy.Add(1)
	r.waiting[t] = struct{}{}
	return true
}

// waited notes that the ticket waits no more. It may be told twice.
func (r *Runner) waited(t session.Ticket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, t)
}

// Waiting returns the tickets that are here and have not been claimed yet.
func (r *Runner) Waiting() []session.Ticket {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.waiting))
}

// claim waits for Postgres while it is away, up to patience.
func (r *Runner) claim(ctx context.Context, t session.Ticket) (session.Work, error) {
	var w session.Work
	err := patiently(ctx, r.closing, func(ctx context.Context) error {
		set, err := r.Settings(ctx)
		if err != nil {
			return err
		}
		began := time.Now()
		w, err = r.Store.Claim(ctx, t, r.Worker(), set.AccountTimeout)
		r.Metrics.Claims.Observe(time.Since(began).Seconds())
		return err
	})
	return w, err
}

// Stop ends running records that were cancelled; what is not running here is
// ignored.
func (r *Runner) Stop(ids []session.RecordID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if a, here := r.running[id]; here {
			a.stop(errCancelled)
		}
	}
}

// Abandon ends everything that runs, because the worker was declared dead:
// others hold its records now. What was claimed in that life and has not begun
// ends as soon as it does.
func (r *Runner) Abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lapsed = r.Worker()
	r.stopAll(session.ErrLeaseOver)
}

// Drain lets nothing new begin and waits until nothing runs. When ctx ends
// before, it gives back what still runs and waits for that only. A second call
// may run beside the first.
func (r *Runner) Drain(ctx context.Context) {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.closing)
	}
	r.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		r.busy.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		r.release()
		<-idle
	}
}

func (r *Runner) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.released {
		r.released = true
		close(r.over)
	}
	r.stopAll(errReleased)
}

// stopAll needs r.mu.
func (r *Runner) stopAll(why error) {
	for _, a := range r.running {
		a.stop(why)
	}
}

// Running is how many records are being worked on.
func (r *Runner) Running() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.running)
}
