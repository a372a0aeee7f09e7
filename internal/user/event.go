package user

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
