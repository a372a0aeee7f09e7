package mysql

import (
	"context"
	"errors"

	"github.com/go-sql-driver/mysql"

	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Errors of our own about what a server says.
var (
	errProtocol = errors.New("unexpected answer") // no MySQL server says that
	errTooLarge = errors.New("too large")
)

// cleanError has the driver's words without secrets; what stays in the chain is
// why a context of ours has ended.
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
	fault  *session.Fault
	number uint16 // the server's error; 0 when it was not the server who refused
	alive  bool   // the connection can be used further
}

// Error returns the fault's text.
func (f *failure) Error() string { return f.fault.Error() }

// Unwrap returns the fault.
func (f *failure) Unwrap() error { return f.fault }

// refused reports whether the server has refused one statement and would answer
// the next.
func (f *failure) refused() bool { return f.alive && f.number != 0 }

// connectFailure explains why a connection did not come about. ctx is that of the
// connection, outer that of the read.
func (r *read) connectFailure(ctx, outer context.Context, a *attempt, err error) *failure {
	err = netError(a.conn, err)
	kind, phase := netguard.Classify(err), a.phase
	if ctx.Err() != nil {
		kind = netguard.Timeout
	}
	if kind == netguard.NameUnknown || kind == netguard.NameTemporary {
		phase = session.PhaseResolve
	}
	number, _ := refusal(err)
	code, advice := a.code(kind, err)
	if outer.Err() != nil {
		code = session.CodeTimeout // it says nothing about the target
	}
	return &failure{fault: r.fault(ctx, code, phase, err, advice), number: number}
}

// code returns what stopped the attempt, and which field to change.
func (a *attempt) code(kind netguard.Kind, err error) (session.Code, string) {
	switch {
	case a.phase == session.PhaseConnect && kind == netguard.Timeout:
		return session.CodeConnectTimeout, ""
	case refusedPlugin(err):
		return session.CodeAuthFailed, "the account uses a plugin that sends the password readable or is not supported"
	case a.phase == session.PhaseTLS && kind == netguard.Other && !errors.Is(err, errProtocol):
		if number, ok := refusal(err); ok {
			return numberCode(number), "" // the server would not even greet us
		}
		return session.CodeTLS, tlsAdvice(err)
	}
	return codeOf(kind, err), ""
}

// refusedPlugin reports whether the login ended because we do not do what the
// account's plugin asks for.
func refusedPlugin(err error) bool {
	for _, e := range []error{
		mysql.ErrCleartextPassword, mysql.ErrOldPassword, mysql.ErrNativePassword, mysql.ErrUnknownPlugin,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// netError returns what the network said where the driver has only "invalid
// connection".
func netError(c *greetedConn, err error) error {
	if _, said := refusal(err); said || c == nil || c.failed == nil {
		return err
	}
	return errors.Join(err, c.failed)
}

// queryFailure explains why a statement did not end.
func (c *conn) queryFailure(ctx context.Context, name string, err error) *failure {
	err = netError(c.net, err)
	kind := netguard.Classify(err)
	if ctx.Err() != nil {
		kind = netguard.Timeout
	}
	if ended := c.read.job.Err(); errors.Is(ended, netguard.ErrTooMuch) {
		kind, err = netguard.TooMuch, ended // the driver has lost it
	}
	code := codeOf(kind, err)
	if errors.Is(err, errTooLarge) {
		code = session.CodeTooLarge
	}
	number, _ := refusal(err)
	fault := c.read.fault(ctx, code, session.PhaseQuery(name), err, "")
	return &failure{fault: fault, number: number, alive: ctx.Err() == nil && c.my.IsValid()}
}

func codeOf(kind netguard.Kind, err error) session.Code {
	if number, ok := refusal(err); ok {
		return numberCode(number)
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

// refusal returns the number of the server's error in err's chain.
func refusal(err error) (number uint16, ok bool) {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number, true
	}
	return 0, false
}

// The errors that the code looks at; the servers' manuals have all.
const (
	numberNoTable         = 1146
	numberUnknownVariable = 1193
)

// numberCode translates a server's error.
func numberCode(number uint16) session.Code {
	switch number {
	case 1045, 1698, 1862, 3118, 3878, 4151: // access denied, password expired, account locked
		return session.CodeAuthFailed
	case 1049:
		return session.CodeUnknownDatabase
	case 1044, 1142, 1143, 1227, 1130, 1356, 1449: // also: host not allowed, a view of ours without its definer
		return session.CodePermission
	case 1040, 1203, 1226, 1129:
		return session.CodeTooMany
	case 1053, 1077, 1079, 1927, 4031:
		return session.CodeReset
	case 1205, 1317, 1969, 3024:
		return session.CodeTimeout
	case 1213:
		return session.CodeDeadlock
	}
	return session.CodeQuery
}
