package store

import (
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

// passingClasses are the SQLSTATE classes of a Postgres that will be back:
// connection exceptions, transaction rollback (deadlock, serialization),
// insufficient resources, object in use, operator intervention, system error.
var passingClasses = []string{"08", "40", "53", "55", "57", "58"}

// away marks an error that says that Postgres cannot be asked now with
// session.ErrAway; every other error, and nil, comes back as it is.
func away(err error) error {
	if errors.Is(err, session.ErrAway) || !Unavailable(err) {
		return err
	}
	return fmt.Errorf("%w: %w", session.ErrAway, err)
}

// Unavailable reports whether err says that Postgres could not be reached,
// went away, or did not answer in time: the same call may work a moment later.
func Unavailable(err error) bool {
	return err != nil && (errors.Is(err, session.ErrAway) || isAway(err))
}

func isAway(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return slices.ContainsFunc(passingClasses, func(class string) bool { return strings.HasPrefix(pgErr.Code, class) })
	}
	var connectErr *pgconn.ConnectError
	var netErr net.Error
	return errors.As(err, &connectErr) || errors.As(err, &netErr) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgx.ErrTxClosed) || strings.Contains(err.Error(), "conn closed")
}
