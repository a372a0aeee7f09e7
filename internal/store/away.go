package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbfleet/dbfleet/internal/session"
)

// awayCodes are the SQLSTATEs of a server that ends, starts or takes nobody in,
// beside the class of connection exceptions.
var awayCodes = []string{"57P01", "57P02", "57P03", "53300"}

// troubleCodes are SQLSTATEs, or their classes, of a server that is there and
// could not do this one thing now: transaction rollback (deadlock,
// serialization), resources (a full disk), locks, system errors, and the ends of
// statements and transactions that took too long.
var troubleCodes = []string{"40", "53", "55", "58", "57014", "25P03"}

// away marks an error that says that Postgres cannot be asked now with
// session.ErrAway, and one that only this object met as a *session.Fault of the
// code session.CodeStorage; every other error, and nil, comes back as it is.
func away(err error) error {
	_, told := errors.AsType[*session.Fault](err)
	switch {
	case told, errors.Is(err, session.ErrAway):
		return err
	case isAway(err):
		return fmt.Errorf("%w: %w", session.ErrAway, err)
	case isTrouble(err):
		return &session.Fault{Code: session.CodeStorage, Phase: session.PhaseStore, Err: err}
	}
	return err
}

// Unavailable reports whether err says that Postgres could not be reached or
// went away: every call would fail now. A statement that took too long, or a
// caller whose time is over, does not say that.
func Unavailable(err error) bool { return errors.Is(err, session.ErrAway) || isAway(err) }

func isAway(err error) bool {
	if err == nil {
		return false
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(pgErr.Code, "08") || slices.Contains(awayCodes, pgErr.Code)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	// The caller's time may be over, whatever became of the connection then.
	timeless := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	return !timeless && isBroken(err)
}

// isBroken reports whether err is of a connection.
func isBroken(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgx.ErrTxClosed) || strings.Contains(err.Error(), "conn closed")
}

// isTrouble is to be asked about what isAway denies.
func isTrouble(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.ContainsFunc(troubleCodes, func(code string) bool { return strings.HasPrefix(pgErr.Code, code) })
}
