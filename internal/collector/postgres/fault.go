package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/session"
)

// A failure is a fault with what the reader has to know to go on without the
// part that failed.
type failure struct {
	collector.Failure

	state  string // the server's SQLSTATE; empty when it was not the server who refused
	server bool   // of a login: it would be refused to any database
}

// connectFailure explains why a connection did not come about. ctx is that of the
// connection, outer that of the read.
func (r *read) connectFailure(ctx, outer context.Context, a *attempt, err error) *failure {
	err = driverWords(err)
	kind, phase := collector.ConnectKind(ctx, a.phase, err)
	code, advice := a.code(kind, err)
	if outer.Err() != nil {
		code = session.CodeTimeout // it says nothing about the target
	}
	fault := r.report.Fault(ctx, code, phase, err, advice)
	return &failure{Failure: collector.Failure{Fault: fault}, state: state(err), server: refusesAll(err)}
}

// refusesAll reports whether a login was refused by the whole server: for the
// password, while it starts or stops, or because it is full. Only one database
// is full when the error comes from the routine that checks those:
// https://www.postgresql.org/docs/current/errcodes-appendix.html and
// https://www.postgresql.org/docs/current/protocol-error-fields.html
func refusesAll(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch e.Code {
	case stateNoPassword, stateStopping, stateCrashed, stateStarting, stateIdle:
		return true
	}
	return strings.HasPrefix(e.Code, classResources) && e.Routine != "CheckMyDatabase"
}

// code returns what stopped the attempt, and for TLS which field to change.
func (a *attempt) code(kind netguard.Kind, err error) (session.Code, string) {
	switch {
	case a.phase == session.PhaseConnect && kind == netguard.Timeout:
		return session.CodeConnectTimeout, ""
	case refusedAuth(err, "password"):
		return session.CodeTLS, collector.NotShown
	case refusedAuth(err, ""):
		return session.CodeAuthFailed, "the server asks for a way to log in that is not supported"
	case a.phase == session.PhaseTLS:
		return tlsCode(kind, err, a.conn)
	case collector.IsAlert(err):
		return session.CodeTLS, collector.TLSAdvice(err)
	case tooLong(err):
		return session.CodeProtocol, "" // nothing long is said during a login
	}
	return codeOf(kind, err), ""
}

// refusedAuth reports whether the login ended because we do not do what the
// server asks for, such as password; "" is anything. The driver has no type for it.
func refusedAuth(err error, method string) bool {
	_, why, ok := strings.Cut(err.Error(), "authentication method requirement")
	return ok && state(err) == "" && strings.Contains(why, "server requested "+method)
}

// tlsCode tells a handshake that failed from a connection that did.
func tlsCode(kind netguard.Kind, err error, c *watchedConn) (session.Code, string) {
	switch {
	case kind == netguard.Other && c.first == refusesTLS:
		return session.CodeTLS, collector.NoTLS
	case kind == netguard.Other && c.seen && c.first != acceptsTLS:
		return session.CodeProtocol, ""
	case kind == netguard.Other, kind == netguard.Reset && c.first == acceptsTLS: // some hang up on what they do not speak
		return session.CodeTLS, collector.TLSAdvice(err)
	}
	return codeOf(kind, err), ""
}

// driverWords leaves out the line in which the driver repeats whom it was told
// to connect as, and its own words about a connection that did not come about.
func driverWords(err error) error {
	if e, ok := errors.AsType[*netguard.DialError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return e.Unwrap()
	}
	return err
}

// queryFailure explains why a statement did not end.
func (c *conn) queryFailure(ctx context.Context, name string, err error) *failure {
	kind, err := collector.QueryKind(ctx, c.read.job, err)
	code := codeOf(kind, err)
	if tooLong(err) || errors.Is(err, collector.ErrTooLarge) {
		code = session.CodeTooLarge
	}
	fault := c.read.report.Fault(ctx, code, session.PhaseQuery(name), err, "")
	refused := state(err) != "" && !c.pg.IsClosed()
	return &failure{Failure: collector.Failure{Fault: fault, Refused: refused}, state: state(err)}
}

func tooLong(err error) bool {
	_, ok := errors.AsType[*pgproto3.ExceededMaxBodyLenErr](err)
	return ok
}

func codeOf(kind netguard.Kind, err error) session.Code {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return stateCode(e.Code)
	}
	return collector.Code(kind, err)
}

// The states that the code looks at; PostgreSQL's appendix A has all.
const (
	stateNoPassword     = "28P01"
	stateNoDatabase     = "3D000"
	stateDropped        = "57P04"
	stateNoPrivilege    = "42501"
	stateLockTimeout    = "55P03"
	stateQueryCancelled = "57014"
	stateStopping       = "57P01"
	stateCrashed        = "57P02"
	stateStarting       = "57P03"
	stateIdle           = "57P05"
	classResources      = "53" // too few, whether connections, memory or room
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
	case stateStarting:
		return session.CodeStarting
	case stateStopping, stateCrashed, stateIdle:
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
