package account

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// HoldID is the number of a hold.
type HoldID int64

// HoldReason is why a change is not believed at once. Stored; do not rename.
type HoldReason string

// The reasons.
const (
	MassDisappearance HoldReason = "mass_disappearance" // too many accounts gone at once
	IdentityChanged   HoldReason = "identity_changed"   // another server answers at the address
)

// HoldStatus is the state of a hold. Stored; do not rename.
type HoldStatus string

// The states of a hold.
const (
	HoldOpen       HoldStatus = "open"       // waits for a person, or for further reads
	HoldConfirmed  HoldStatus = "confirmed"  // the change is real
	HoldRejected   HoldStatus = "rejected"   // the change is not believed; what is stored stays
	HoldSuperseded HoldStatus = "superseded" // the server showed something else before anybody decided
)

// SelfConfirm is after how many complete reads that show the same a hold
// confirms itself.
const SelfConfirm = 3

// Hold is a change that was too big to believe, as it is stored.
type Hold struct {
	ID           HoldID
	InstanceID   fleet.InstanceID
	InstanceName string
	Reason       HoldReason
	Status       HoldStatus
	Fingerprint  Hash
	TimesSeen    int      // complete reads that showed it
	Known        int      // living accounts when it was opened
	MissingCount int      // of them, how many were not found; for IdentityChanged all
	Missing      []string // their identities, sorted; none for IdentityChanged, and in lists of holds
	OldIdentity  string   // of the server; only for IdentityChanged
	NewIdentity  string
	Record       session.RecordID // the read that opened it
	Session      session.ID
	LastSeenAt   *time.Time // when the missing accounts were last seen; nil when never after their creation
	CreatedAt    time.Time
	SeenAt       time.Time  // the last read that was counted
	DecidedAt    *time.Time // nil while it is open
	DecidedBy    *int64     // user; nil when nobody decided
	AppliedAt    *time.Time // when the change was stored
	LapsedAt     *time.Time // when a decision ended because the server showed something else
}

// InForce reports whether the hold still says something about the next read.
func (h Hold) InForce() bool {
	switch h.Status {
	case HoldOpen:
		return true
	case HoldRejected:
		return h.LapsedAt == nil
	case HoldConfirmed:
		return h.AppliedAt == nil && h.LapsedAt == nil
	}
	return false
}

// HoldRules say when a disappearance is held: it must be above Percent of the
// instance's living accounts and at least Minimum of them. The zero value holds
// every disappearance.
type HoldRules struct {
	Percent int
	Minimum int // accounts
}

// holds reports whether the disappearance of missing out of known is too big.
func (r HoldRules) holds(missing, known int) bool {
	return missing > 0 && missing >= r.Minimum && missing*100 > r.Percent*known
}

// Finding is what a read shows that may have to be held.
type Finding struct {
	Reason       HoldReason
	Fingerprint  Hash
	Suspicious   bool // too big to store without a question
	Known        int
	MissingCount int
	Missing      []string // identities, sorted
	OldIdentity  string
	NewIdentity  string
}

// HoldMove is what becomes of the instance's holds. The zero value writes nothing.
type HoldMove struct {
	Lapse HoldID   // the picture changed: an open one is superseded, a decided one ends
	Open  *Finding // becomes a new hold
	Seen  bool     // the new hold, or the one in Count, was seen by a complete read
	Count HoldID   // seen once more
	Apply HoldID   // confirmed, by itself if it is open, and stored now
}

// judge decides what a finding means beside the hold in force, and whether it
// is kept from being stored. Both may be nil. Only a complete read counts
// towards the confirmation of a hold by itself.
func judge(hold *Hold, f *Finding, complete bool) (move HoldMove, held bool) {
	if hold != nil && f != nil && hold.Reason == f.Reason && hold.Fingerprint == f.Fingerprint {
		return judgeAgain(hold, complete)
	}
	if hold != nil {
		move.Lapse = hold.ID
	}
	if f == nil || !f.Suspicious {
		return move, false
	}
	move.Open, move.Seen = f, complete
	return move, true
}

// judgeAgain is judge for a read that shows what the hold in force is about.
func judgeAgain(hold *Hold, complete bool) (move HoldMove, held bool) {
	switch {
	case hold.Status == HoldConfirmed:
		return HoldMove{Apply: hold.ID}, false
	case hold.Status == HoldRejected || !complete:
		return HoldMove{}, true
	case hold.TimesSeen+1 >= SelfConfirm:
		return HoldMove{Apply: hold.ID, Seen: true}, false
	}
	return HoldMove{Count: hold.ID, Seen: true}, true
}

// fingerprint identifies a set of texts; their order does not matter.
func fingerprint(texts []string) Hash {
	sum := sha256.New()
	for _, text := range slices.Sorted(slices.Values(texts)) {
		sum.Write([]byte(text)) // a sha256 never fails
		sum.Write([]byte{0})    // no canonical text holds it
	}
	return Hash(sum.Sum(nil))
}
