package mysql

import (
	"context"
	"errors"

	driver "github.com/go-sql-driver/mysql"

	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/session"
)

// A failure is a fault with what the reader has to know to go on without the
// part that failed.
type failure struct {
	collector.Failure

	number uint16 // the server's error; 0 when it was not the server who refused
}

// connectFailure explains why a connection did not come about. ctx is that of the
// connection, outer that of the read.
func (r *read) connectFailure(ctx, outer context.Context, a *attempt, err error) *failure {
	err = netError(a.conn, err)
	kind, phase := collector.ConnectKind(ctx, a.phase, err)
	number, _ := refusal(err)
	code, advice := a.code(kind, err)
	if outer.Err() != nil {
		code = session.CodeTimeout // it says nothing about the target
	}
	return &failure{collector.Failure{Fault: r.report.Fault(ctx, code, phase, err, advice)}, number}
}

// code returns what stopped the attempt, and which field to change.
func (a *attempt) code(kind netguard.Kind, err error) (session.Code, string) {
	number, refused := refusal(err)
	switch {
	case a.phase == session.PhaseConnect && kind == netguard.Timeout:
		return session.CodeConnectTimeout, ""
	case refused: // perhaps it would not even greet us
		return numberCode(number), ""
	case refusedPlugin(err):
		return session.CodeAuthFailed, "the account uses a plugin that sends the password readable or is not supported"
	case notShown(err):
		return session.CodeTLS, collector.NotShown
	case errors.Is(err, driver.ErrNoTLS):
		return session.CodeTLS, collector.NoTLS
	case collector.IsAlert(err), a.handshaking(kind, err):
		return session.CodeTLS, collector.TLSAdvice(err)
	}
	return codeOf(kind, err), ""
}

// handshaking reports whether it was the handshake that failed: some servers hang
// up on what they do not speak.
func (a *attempt) handshaking(kind netguard.Kind, err error) bool {
	if a.phase != session.PhaseTLS || errors.Is(err, collector.ErrProtocol) {
		return false
	}
	return kind == netguard.Other || kind == netguard.Reset && a.conn != nil
}

// refusedPlugin reports whether the login ended because we do not do what the
// account's plugin asks for.
func refusedPlugin(err error) bool {
	for _, e := range []error{
		driver.ErrCleartextPassword, driver.ErrOldPassword, driver.ErrNativePassword, driver.ErrUnknownPlugin,
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
	kind, err := collector.QueryKind(ctx, c.read.job, netError(c.net, err))
	code := codeOf(kind, err)
	if errors.Is(err, collector.ErrTooLarge) {
		code = session.CodeTooLarge
	}
	number, refused := refusal(err)
	fault := c.read.report.Fault(ctx, code, session.PhaseQuery(name), err, "")
	return &failure{collector.Failure{Fault: fault, Refused: refused && ctx.Err() == nil && c.my.IsValid()}, number}
}

func codeOf(kind netguard.Kind, err error) session.Code {
	if number, ok := refusal(err); ok {
		return numberCode(number)
	}
	return collector.Code(kind, err)
}

// refusal returns the number of the server's error in err's chain.
func refusal(err error) (number uint16, ok bool) {
	if e, ok := errors.AsType[*driver.MySQLError](err); ok {
		return e.Number, true
	}
	return 0, false
}

// The errors that the code looks at; the servers' manuals have all.
const (
	numberNoTable         = 1146
	numberUnknownVariable = 1193
	numberExpired         = 1820
)

// numberCode translates a server's error.
func numberCode(number uint16) session.Code {
	switch number {
	case 1045, 1698, 1862, 3118, 3878, 3955, 4150, 4151, numberExpired: // access denied, password expired, account locked
		return session.CodeAuthFailed
	case 1049:
		return session.CodeUnknownDatabase
	case 1044, 1142, 1143, 1227, 1129, 1130, 1356, 1449: // also: host blocked or not allowed, a view of ours without its definer
		return session.CodePermission
	case 1040, 1203, 1226:
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
