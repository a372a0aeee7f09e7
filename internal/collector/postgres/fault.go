package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Errors of our own about what a server says.
var (
	errProtocol = errors.New("unexpected answer") // no PostgreSQL server says that
	errTooLarge = errors.New("too large")
)

// cleanError has the driver's words without secrets. The driver's own error is
// left behind, because it carries the configuration with the password; what stays
// in the chain is why a context of ours has ended.
type cleanError struct {
	text  string
	cause error
}

// Error returns the text.
func (e *cleanError) Error() string { return e.text }

// Unwrap returns the cause of an ended context, or nil.
func (e *cleanError) Unwrap() error { return e.cause }

// fault turns whatever went wrong into a fault. advice, if any, is put first.
func (r *read) fault(ctx context.Context, code session.Code, phase session.Phase, err error, advice string) *session.Fault {
	text := err.Error()
	if advice != "" {
		text = advice + ": " + text
	}
	clean := &cleanError{}
	if ctx.Err() != nil {
		clean.cause = context.Cause(ctx)
		text = clean.cause.Error() + ": " + text
	}
	clean.text = r.scrub.Clean(text)
	return &session.Fault{Code: code, Phase: phase, Err: clean}
}

// A failure is a fault with what the reader has to know to go on without the
// part that failed.
type failure struct {
	fault *session.Fault
	state string // the server's SQLSTATE; empty when it was not the server who refused
	alive bool   // the connection can be used further
}

// Error returns the fault's text.
func (f *failure) Error() string { return f.fault.Error() }

// Unwrap returns the fault.
func (f *failure) Unwrap() error { return f.fault }

// connectFailure explains why a connection did not come about. ctx is that of the
// connection, outer that of the read.
func (r *read) connectFailure(ctx, outer context.Context, a *attempt, err error) *failure {
	err = driverWords(err)
	kind, phase := netguard.Classify(err), a.phase
	if ctx.Err() != nil {
		kind = netguard.Timeout
	}
	if kind == netguard.NameUnknown || kind == netguard.NameTemporary {
		phase = session.PhaseResolve
	}
	code, advice := a.code(kind, err)
	if outer.Err() != nil {
		code = session.CodeTimeout // it says nothing about the target
	}
	return &failure{fault: r.fault(ctx, code, phase, err, advice), state: state(err)}
}

// code returns what stopped the attempt, and for TLS which field to change.
func (a *attempt) code(kind netguard.Kind, err error) (session.Code, string) {
	switch {
	case a.phase == session.PhaseConnect && kind == netguard.Timeout:
		return session.CodeConnectTimeout, ""
	case strings.Contains(err.Error(), "authentication method requirement"): // the driver has no type for it
		return session.CodeTLS, "tls_mode: the server asks for the password in a form that needs TLS"
	case a.phase == session.PhaseTLS:
		return tlsCode(kind, err, a.conn)
	case tooLong(err):
		return session.CodeProtocol, "" // nothing long is said during a login
	}
	return codeOf(kind, err), ""
}

// tlsCode tells a handshake that failed from a connection that did.
func tlsCode(kind netguard.Kind, err error, c *watchedConn) (session.Code, string) {
	if kind != netguard.Other {
		return codeOf(kind, err), ""
	}
	if c != nil && c.seen && c.first != 'S' && c.first != refusesTLS {
		return session.CodeProtocol, ""
	}
	return session.CodeTLS, tlsAdvice(err, c.first)
}

// driverWords leaves out the line in which the driver repeats whom it was told
// to connect as.
func driverWords(err error) error {
	if e, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return e.Unwrap()
	}
	return err
}

// queryFailure explains why a statement did not end.
func (c *conn) queryFailure(ctx context.Context, name string, err error) *failure {
	kind := netguard.Classify(err)
	if ctx.Err() != nil {
		kind = netguard.Timeout
	}
	if ended := c.read.job.Err(); errors.Is(ended, netguard.ErrTooMuch) {
		kind, err = netguard.TooMuch, ended // the driver may have lost it
	}
	code := codeOf(kind, err)
	if tooLong(err) || errors.Is(err, errTooLarge) {
		code = session.CodeTooLarge
	}
	fault := c.read.fault(ctx, code, session.PhaseQuery(name), err, "")
	return &failure{fault: fault, state: state(err), alive: !c.pg.IsClosed()}
}

func tooLong(err error) bool {
	_, ok := errors.AsType[*pgproto3.ExceededMaxBodyLenErr](err)
	return ok
}

func codeOf(kind netguard.Kind, err error) session.Code {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return stateCode(e.Code)
	}
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
	if errors.Is(err, context.Canceled) || errors.Is(err, netguard.ErrJobEnded) {
		return session.CodeTimeout // whoever cancelled knows better
	}
	return session.CodeProtocol
}

// The states that the code looks at; PostgreSQL's appendix A has all.
const (
	stateNoPassword     = "28P01"
	stateNoDatabase     = "3D000"
	stateDropped        = "57P04"
	stateNoPrivilege    = "42501"
	stateLockTimeout    = "55P03"
	stateQueryCancelled = "57014"
)

// stateCode translates a server's SQLSTATE.
func stateCode(state string) session.Code {
	switch state {
	case stateNoPassword, "28000":
		return session.CodeAuthFailed
	case stateNoDatabase, stateDropped:
		return session.CodeUnknownDatabase
	case stateNoPrivilege:
		return session.CodePermission
	case "53300":
		return session.CodeTooMany
	case "57P03":
		return session.CodeStarting
	case "57P01", "57P02", "57P05":
		return session.CodeReset
	case stateQueryCancelled, stateLockTimeout:
		return session.CodeTimeout
	case "40P01":
		return session.CodeDeadlock
	}
	return session.CodeQuery
}

// state returns the SQLSTATE in err's chain, or "".
func state(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}
