package store

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// TimedOut reports whether err says that Postgres has given up a statement: it
// took too long, or waited too long for a lock.
func TimedOut(err error) bool {
	const queryCanceled, lockNotAvailable = "57014", "55P03"
	code := sqlState(err)
	return code == queryCanceled || code == lockNotAvailable
}

// Busy reports whether err says that Postgres could not do its work beside
// others (deadlock, serialization) or lacks disk, memory or connections: the
// same call may work a moment later.
func Busy(err error) bool {
	code := sqlState(err)
	return strings.HasPrefix(code, "40") || strings.HasPrefix(code, "53")
}

// sqlState is the code of Postgres's error; empty for any other.
func sqlState(err error) string {
	var fault *pgconn.PgError
	if !errors.As(err, &fault) {
		return ""
	}
	return fault.Code
}
