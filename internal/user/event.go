package user

import "time"

// Outcome is how an audited deed ended. Stored; do not rename.
type Outcome string

// The outcomes.
const (
	Done   Outcome = "done"
	Denied Outcome = "denied"
)

// Event is one line of the audit trail. Who did it, and in which request, is
// taken from the context's Actor.
type Event struct {
	Action     string // noun.verb: "instance.update"
	ObjectType string // "instance"; may be empty
	ObjectID   string
	Outcome    Outcome        // empty means Done
	Detail     map[string]any // must not hold a secret
}

// Recorded is an event as the audit trail keeps it.
type Recorded struct {
	Event
	ID         int64
	At         time.Time
	UserID     ID     // 0: the system itself
	UserName   string // at that time
	RequestID  string // empty when no request did it
	RemoteAddr string // empty when no request did it
}

// EventFilter selects events; a nil field selects all.
type EventFilter struct {
	User       *ID
	Action     *string
	ObjectType *string
	ObjectID   *string
	Outcome    *Outcome
	From, To   *time.Time // From <= At < To
}

// EventPlace is where a page of the audit trail ends. The zero value is before
// the newest event.
type EventPlace struct {
	At time.Time
	ID int64
}
