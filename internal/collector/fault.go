package collector

import (
	"context"
	"errors"

	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Errors of our own about what a server says.
var (
	// ErrProtocol is wrapped where no server of the engine would say that.
	ErrProtocol = errors.New("unexpected answer")
	// ErrTooLarge is wrapped where a server has more than one job may read.
	ErrTooLarge = errors.New("too large")
)

// A Failure is a fault with what a reader has to know to go on without the part
// that failed. An engine's own failures embed it.
type Failure struct { //nolint:errname // as session.Fault
	Fault *session.Fault
	// Refused says that the server has refused one statement and would answer the
	// next.
	Refused bool
}

// Error returns the fault's text.
func (f *Failure) Error() string { return f.Fault.Error() }

// Unwrap returns the fault.
func (f *Failure) Unwrap() error { return f.Fault }

// refusal returns the fault when it was a refusal, else nil.
func (f *Failure) refusal() *session.Fault {
	if !f.Refused {
		return nil
	}
	return f.Fault
}

// A Reporter makes the faults of one read.
type Reporter struct {
	Scrub secret.Scrubber // knows the secrets of the read
}

// Fault returns what went wrong with err in a call with ctx. Its text is advice,
// if any, and that of err without secrets. The driver's own error is left behind,
// because it may carry a configuration with the password; what stays in the
// chain, and comes first in the text, is why ctx has ended.
func (r Reporter) Fault(ctx context.Context, code session.Code, phase session.Phase, err error, advice string) *session.Fault {
	text := err.Error()
	if advice != "" {
		text = advice + ": " + text
	}
	clean := &cleanError{}
	if ctx.Err() != nil {
		clean.cause = context.Cause(ctx)
		text = clean.cause.Error() + ": " + text
	}
	clean.text = r.Scrub.Clean(text)
	return &session.Fault{Code: code, Phase: phase, Err: clean}
}

// cleanError has the driver's words without secrets.
type cleanError struct {
	text  string
	cause error
}

// Error returns the text.
func (e *cleanError) Error() string { return e.text }

// Unwrap returns the cause of an ended context, or nil.
func (e *cleanError) Unwrap() error { return e.cause }

// ConnectKind returns what the network did to a connection that ended in phase
// before it was logged in, and the phase in which it did it: the driver knows
// nothing of the look-up. A call whose ctx has ended took too long, whatever the
// driver says.
func ConnectKind(ctx context.Context, phase session.Phase, err error) (netguard.Kind, session.Phase) {
	kind := netguard.Classify(err)
	if ctx.Err() != nil {
		kind = netguard.Timeout
	}
	if kind == netguard.NameUnknown || kind == netguard.NameTemporary {
		phase = session.PhaseResolve
	}
	return kind, phase
}

// QueryKind returns what the network did to a statement of the job, and the
// error to tell: the job knows of its cap on bytes what a driver may have lost.
func QueryKind(ctx context.Context, job *netguard.Job, err error) (netguard.Kind, error) {
	if ended := job.Err(); errors.Is(ended, netguard.ErrTooMuch) {
		return netguard.TooMuch, ended
	}
	if ctx.Err() != nil {
		return netguard.Timeout, err
	}
	return netguard.Classify(err), err
}

// Code returns the code for err, of which the server has said nothing.
func Code(kind netguard.Kind, err error) session.Code {
	switch kind {
	case netguard.NotAllowed:
		return session.CodeNotAllowed
	case netguard.TooMuch:
		return session.CodeTooLarge
	case netguard.Refused:
		return session.CodeRefused
	case netguard.Reset:
		return session.CodeReset
	case netguard.Timeout:
		return session.CodeTimeout
	case netguard.NoRoute:
		return session.CodeNoRoute
	case netguard.NameUnknown, netguard.NameTemporary:
		return session.CodeDNS
	case netguard.Other:
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, netguard.ErrJobEnded):
		return session.CodeTimeout // whoever cancelled knows better
	case errors.Is(err, ErrTooLarge):
		return session.CodeTooLarge
	}
	return session.CodeProtocol
}
