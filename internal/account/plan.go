package account

import (
	"errors"
	"slices"
	"strings"
)

// Stored is what the plan needs to know of a stored account.
type Stored struct {
	ID       ID
	Identity string
	Hash     Hash
	Kind     Kind
	System   bool
	Deleted  bool
	// Same says that the account was read as it is stored, with what lies in the
	// gaps of the read; then the snapshot need not carry that.
	Same bool
}

// Current is what is stored about an instance when a snapshot arrives.
type Current struct {
	Identity string   // of the server; empty before the first contact
	Accounts []Stored // the deleted ones too, without those of a replaced server
	Hold     *Hold    // the newest; nil when there has never been one
}

// Write is one account of the snapshot that must be stored.
type Write struct {
	Index    int // into the snapshot's accounts
	ID       ID  // 0 for a new account
	Hash     Hash
	Returned bool // was deleted until now
}

// Plan is what a snapshot changes in what is stored. An account that is read
// unchanged is not part of it.
type Plan struct {
	// Foreign: another server answered and is held. Nothing is stored, and what
	// is known about the instance's own server stays.
	Foreign bool
	Replace bool // everything stored belongs to a former server
	Create  []Write
	Change  []Write
	Gone    []ID
	Hold    HoldMove
	Held    bool // something of the snapshot waits for a decision, or was rejected
}

var (
	errNoIdentity  = errors.New("the snapshot holds an account without identity")
	errTwice       = errors.New("the snapshot holds one identity twice")
	errKindUnknown = errors.New("the snapshot holds an account of unknown kind")
)

// NewPlan decides what of a snapshot is stored. The snapshot's accounts must
// already carry what lies in its gaps (see CarryOver), or be marked as Same. It
// fails when the snapshot contradicts itself.
func NewPlan(current Current, snap Snapshot, rules HoldRules) (Plan, error) {
	if err := check(snap.Accounts); err != nil {
		return Plan{}, err
	}
	hold := current.Hold
	if hold != nil && !hold.InForce() {
		hold = nil
	}
	if current.Foreign(snap) {
		return planOther(current, snap, hold)
	}
	plan, missing, err := compareAccounts(current.Accounts, snap)
	if err != nil {
		return Plan{}, err
	}
	plan.judgeMissing(current.Accounts, missing, snap, rules, hold)
	return plan, nil
}

func check(accounts []Account) error {
	seen := make(map[string]bool, len(accounts))
	for _, a := range accounts {
		identity := a.Key()
		switch {
		case identity == "":
			return errNoIdentity
		case seen[identity]:
			return errTwice
		case a.Kind != User && a.Kind != Role && a.Kind != Public:
			return errKindUnknown
		}
		seen[identity] = true
	}
	return nil
}

// PlaceIdentity begins the identity of a server that has none of its own: what
// follows is made of where it runs. Stored; do not rename.
const PlaceIdentity = "place-"

// Foreign reports whether a snapshot comes from another server than what is
// stored. A server that does not say who it is, is taken for the same; and so is
// one that has an identity of its own where it had none, or the other way round:
// that is an upgrade, which many servers get in one night.
func (c Current) Foreign(snap Snapshot) bool {
	was, is := c.Identity, snap.Server.Identity
	return was != "" && is != "" && was != is && hasOwnIdentity(was) == hasOwnIdentity(is)
}

func hasOwnIdentity(identity string) bool { return !strings.HasPrefix(identity, PlaceIdentity) }

// planOther plans a snapshot of another server: it is held, or replaces
// everything when that was confirmed and the list of accounts is complete.
func planOther(current Current, snap Snapshot, hold *Hold) (Plan, error) {
	living := living(current.Accounts)
	f := &Finding{ // all of them would go: keys of two servers that are equal mean nothing
		Reason: IdentityChanged, Suspicious: true,
		Fingerprint: fingerprint([]string{snap.Server.Identity}),
		OldIdentity: current.Identity, NewIdentity: snap.Server.Identity,
		Known: len(living), MissingCount: len(living),
	}
	move, held := judge(hold, f, snap.Complete())
	if held || !snap.ListComplete() {
		if move.Apply != 0 {
			move = HoldMove{}
		}
		return Plan{Foreign: true, Hold: move, Held: true}, nil
	}
	plan, _, err := compareAccounts(nil, snap)
	if err != nil {
		return Plan{}, err
	}
	plan.Replace, plan.Hold, plan.Gone = true, move, ids(living)
	return plan, nil
}

// compareAccounts sorts the snapshot's accounts into new, changed and
// unchanged, and returns the living ones that it does not have.
func compareAccounts(stored []Stored, snap Snapshot) (Plan, []Stored, error) {
	var plan Plan
	known := byKey(stored, func(s Stored) string { return s.Identity })
	for i, a := range snap.Accounts {
		s, found := known[a.Key()]
		if s.Same {
			continue
		}
		_, hash, err := Encode(a)
		if err != nil {
			return Plan{}, nil, err
		}
		switch {
		case !found:
			plan.Create = append(plan.Create, Write{Index: i, Hash: hash})
		case s.Deleted || s.Hash != hash:
			plan.Change = append(plan.Change, Write{Index: i, ID: s.ID, Hash: hash, Returned: s.Deleted})
		}
	}
	return plan, missing(living(stored), snap.Accounts), nil
}

// judgeMissing decides whether the missing accounts are gone.
func (p *Plan) judgeMissing(stored, missing []Stored, snap Snapshot, rules HoldRules, hold *Hold) {
	if !snap.ListComplete() {
		p.keepHold(hold)
		return
	}
	f := findMissing(stored, missing, rules)
	p.Hold, p.Held = judge(hold, f, snap.Complete())
	if !p.Held {
		p.Gone = ids(missing)
	}
}

// keepHold leaves a hold about missing accounts alone, since the read says
// nothing about them. That the server itself answered ends one about another.
func (p *Plan) keepHold(hold *Hold) {
	if hold == nil {
		return
	}
	if hold.Reason == IdentityChanged {
		p.Hold.Lapse = hold.ID
		return
	}
	p.Held = true
}

// findMissing describes the missing accounts; nil when there are none.
func findMissing(stored, missing []Stored, rules HoldRules) *Finding {
	if len(missing) == 0 {
		return nil
	}
	known := len(living(stored))
	identities := make([]string, len(missing))
	for i, s := range missing {
		identities[i] = s.Identity
	}
	slices.Sort(identities)
	return &Finding{
		Reason:       MassDisappearance,
		Fingerprint:  fingerprint(identities),
		Suspicious:   rules.holds(len(missing), known) || allOrdinary(stored, missing),
		Known:        known,
		MissingCount: len(missing),
		Missing:      identities,
	}
}

// allOrdinary reports whether every living account that people made, at least
// one, is missing.
func allOrdinary(stored, missing []Stored) bool {
	known := ordinary(living(stored))
	return known > 0 && ordinary(missing) == known
}

// ordinary counts the accounts that people made.
func ordinary(accounts []Stored) int {
	n := 0
	for _, s := range accounts {
		if !s.System && s.Kind != Public {
			n++
		}
	}
	return n
}

func living(stored []Stored) []Stored {
	out := make([]Stored, 0, len(stored))
	for _, s := range stored {
		if !s.Deleted {
			out = append(out, s)
		}
	}
	return out
}

// missing returns the living accounts that the read ones do not include.
func missing(living []Stored, read []Account) []Stored {
	seen := make(map[string]bool, len(read))
	for _, a := range read {
		seen[a.Key()] = true
	}
	var out []Stored
	for _, s := range living {
		if !seen[s.Identity] {
			out = append(out, s)
		}
	}
	return out
}

func ids(accounts []Stored) []ID {
	var out []ID
	for _, s := range accounts {
		out = append(out, s.ID)
	}
	return out
}
