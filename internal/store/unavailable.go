package store

import (
	"errors"

	"github.com/dbfleet/dbfleet/internal/session"
)

// Unavailable reports whether err says that Postgres could not be reached,
// went away, or did not answer in time: the same call may work a moment later.
func Unavailable(err error) bool {
	return err != nil && (errors.Is(err, session.ErrAway) || isAway(err))
}
