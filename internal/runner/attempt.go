package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/logging"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
)

// attempt runs the job of a claimed record and settles it, whatever happens.
func (r *Runner) attempt(ctx context.Context, w session.Work, s *seat) {
	ctx = logging.With(ctx,
		slog.Any(logging.SessionID, w.Session), slog.String(logging.Instance, w.Target.Name),
		slog.Any(logging.Worker, w.Worker), slog.Int("attempt", w.Attempt),
	)
	began := time.Now()
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.begin(w.Claim, stop)
	defer r.end(w.Claim)

	limited, cancel := context.WithTimeoutCause(running, w.Limit, fmt.Errorf("instance not read within %s", w.Limit.Round(time.Second)))
	report, scrub, err := r.run(limited, w, s)
	cancel()
	r.measure(w, report)
	switch {
	case err == nil:
		r.succeeded(ctx, w, report)
	case errors.Is(err, session.ErrClaimLost):
		r.fenced(ctx)
	default:
		end := r.ending(w, err, context.Cause(running), cleaned(err, scrub))
		end.took = time.Since(began)
		r.unfinished(ctx, w, end)
	}
	r.Ended(w.Session)
}

// begin notes the attempt, so that it can be stopped. One that was claimed
// while everything else was being stopped is stopped too.
func (r *Runner) begin(c session.Claim, stop context.CancelCauseFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[c.Record] = attempt{number: c.Attempt, stop: stop}
	if c.Worker == r.lapsed { // never the zero life: no claim has it
		stop(session.ErrLeaseOver)
	}
	if r.released {
		stop(errReleased)
	}
}

// end forgets the attempt, unless a later one of the same record has begun here.
func (r *Runner) end(c session.Claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[c.Record].number == c.Attempt {
		delete(r.running, c.Record)
	}
}

// run opens the password and runs the job. The scrubber knows the password.
func (r *Runner) run(ctx context.Context, w session.Work, s *seat) (report Report, scrub secret.Scrubber, err error) {
	defer func() {
		if v := recover(); v != nil {
			r.Log.ErrorContext(ctx, "job panicked", "err", scrub.Clean(fmt.Sprint(v)), logging.StackAttr())
			err = errors.New("the job panicked; the worker's log has the stack")
		}
	}()
	job, served := r.Jobs[Kind{w.Target.Engine, w.Category}]
	if !served {
		return report, scrub, fmt.Errorf("this worker has no job for %s of %s", w.Category, w.Target.Engine)
	}
	set, err := r.Settings(ctx)
	if err != nil {
		return report, scrub, fmt.Errorf("read settings: %w", err)
	}
	password, err := r.Keys.Open(fleet.PasswordBinding(w.Credential, w.Version), w.Sealed)
	if err != nil {
		return report, scrub, &session.Fault{Code: session.CodeCredential, Phase: session.PhaseLogin, Err: err}
	}
	scrub = secret.NewScrubber(password)
	w.Target.Password = password
	s.listen()
	report, err = job.Run(ctx, Task{Work: w, Settings: set, Answered: s.answered, Over: r.over})
	return report, scrub, overTime(ctx, err)
}

func (r *Runner) measure(w session.Work, report Report) {
	if report.Read > 0 {
		r.Metrics.Collects.WithLabelValues(string(w.Target.Engine), string(w.Category)).Observe(report.Read.Seconds())
	}
	if report.Stored > 0 {
		r.Metrics.Settles.Observe(report.Stored.Seconds())
	}
}

// overTime makes an error without a fault a timeout when the attempt's limit
// has passed: that is then why it failed.
func overTime(ctx context.Context, err error) error {
	var fault *session.Fault
	ours := errors.Is(err, session.ErrClaimLost) || errors.Is(err, session.ErrAway)
	if err == nil || ours || errors.As(err, &fault) || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return err
	}
	return &session.Fault{Code: session.CodeTimeout, Phase: session.PhaseStore, Err: err}
}

func (r *Runner) succeeded(ctx context.Context, w session.Work, report Report) {
	result := "completed"
	if report.Partial {
		result = "partial"
	}
	r.Metrics.Settled.WithLabelValues(string(w.Category), result).Inc()
	r.Log.InfoContext(ctx, "record synced", "result", result,
		"items", report.Items.Synced, "created", report.Items.Created,
		"updated", report.Items.Updated, "deleted", report.Items.Deleted,
		"read_ms", report.Read.Milliseconds(), "store_ms", report.Stored.Milliseconds())
}

func (r *Runner) fenced(ctx context.Context) {
	r.Metrics.Fenced.Inc()
	r.Log.WarnContext(ctx, "record no longer held: nothing stored")
}

// unfinished settles an attempt that has no results.
func (r *Runner) unfinished(ctx context.Context, w session.Work, end ending) {
	if end.settle == nil {
		r.fenced(ctx)
		return
	}
	began := time.Now()
	err := stubbornly(ctx, r.over, end.settle)
	r.Metrics.Settles.Observe(time.Since(began).Seconds())
	switch {
	case errors.Is(err, session.ErrClaimLost):
		r.fenced(ctx)
	case err != nil:
		r.Log.ErrorContext(ctx, "record not settled: the reaper will take it back", "err", err)
	default:
		r.Metrics.Settled.WithLabelValues(string(w.Category), end.result).Inc()
		r.logEnding(ctx, end)
	}
}

// ending is how an attempt without results ends.
type ending struct {
	result string
	fault  *session.Fault              // nil when it costs no attempt
	why    error                       // why it was given back
	delay  time.Duration               // until the next attempt
	took   time.Duration               // the attempt
	settle func(context.Context) error // nil: others hold the record
}

// ending decides: abandoned, cancelled, given back, to be tried again, or failed.
func (r *Runner) ending(w session.Work, err, stopped error, fault *session.Fault) ending {
	give := func(fault *session.Fault, delay time.Duration) func(context.Context) error {
		return func(ctx context.Context) error { return r.Store.Return(ctx, w.Claim, fault, delay) }
	}
	end := func(status session.RecordStatus, fault *session.Fault) func(context.Context) error {
		return func(ctx context.Context) error { return r.Store.Close(ctx, w.Claim, status, fault, nil) }
	}
	delay, again := w.Policy.Next(fault.Code, w.Failures+1)
	switch {
	case errors.Is(stopped, session.ErrLeaseOver):
		return ending{}
	case errors.Is(stopped, errCancelled):
		return ending{result: "cancelled", settle: end(session.RecordCancelled, nil)}
	case errors.Is(stopped, errReleased), errors.Is(err, session.ErrAway): // our own trouble costs no attempt
		return ending{result: "released", why: fault.Err, settle: give(nil, 0)}
	case again:
		return ending{result: "retry", fault: fault, delay: delay, settle: give(fault, delay)}
	}
	return ending{result: "failed", fault: fault, settle: end(session.RecordFailed, fault)}
}

func (r *Runner) logEnding(ctx context.Context, e ending) {
	log := r.Log.With("result", e.result, "took_ms", e.took.Milliseconds())
	switch {
	case e.fault != nil:
		log.WarnContext(ctx, "record not synced", "code", e.fault.Code, "phase", e.fault.Phase,
			"err", e.fault.Err, "again_in_ms", e.delay.Milliseconds())
	case e.why != nil:
		log.InfoContext(ctx, "record not synced", "err", e.why)
	default:
		log.InfoContext(ctx, "record not synced")
	}
}

// cleaned returns err as a fault whose words hold no secret.
func cleaned(err error, scrub secret.Scrubber) *session.Fault {
	f := session.AsFault(err)
	return &session.Fault{Code: f.Code, Phase: f.Phase, Err: errors.New(scrub.Clean(f.Err.Error()))}
}
