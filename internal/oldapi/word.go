package oldapi

import (
	"errors"
	"net/url"
	"slices"
	"strconv"

	"github.com/dbfleet/dbfleet/internal/session"
)

// sessionWord and recordWord are what the old application calls a state; it
// knew fewer.
func sessionWord(s session.Status) string {
	if s == session.Cancelling {
		s = session.Cancelled
	}
	return string(s)
}

func recordWord(s session.RecordStatus) string {
	switch s {
	case session.RecordQueued:
		s = session.RecordPending
	case session.RecordSkipped:
		s = session.RecordCompleted
	}
	return string(s)
}

// choice reads the filters. A word that no session is called by finds nothing,
// as it always did, which found false says; an empty one filters nothing: the
// old page sends that for "all".
func choice(q url.Values) (c session.Choice, found bool) {
	types, typeOK := named(q.Get("sync_type"), session.Types(), func(t session.Type) string { return string(t) })
	categories, categoryOK := named(q.Get("sync_category"), session.Categories(), func(c session.Category) string { return string(c) })
	statuses, statusOK := named(q.Get("status"), session.Statuses(), sessionWord)
	return session.Choice{Types: types, Categories: categories, Statuses: statuses}, typeOK && categoryOK && statusOK
}

// named returns those of all that word names; nil and true for no word.
func named[T any](word string, all []T, name func(T) string) (some []T, ok bool) {
	if word == "" {
		return nil, true
	}
	some = slices.DeleteFunc(all, func(one T) bool { return name(one) != word })
	return some, len(some) > 0
}

// Bounds of a list.
const (
	defaultLimit = 50
	mostSessions = 500
	mostRecords  = 1000 // of one session
)

// limit reads how many sessions are wanted: the nearest that may be, and the
// default for what is no number.
func limit(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // which comes with the nearest number
		return defaultLimit
	}
	return min(max(n, 1), mostSessions)
}
