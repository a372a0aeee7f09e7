package account

import (
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

// Comparison asks how accounts differ: those of one instance between two
// moments, or those of two instances at one moment. Exactly one of From and
// Other is set.
type Comparison struct {
	Instance fleet.InstanceID
	From     *time.Time
	To       *time.Time // of two moments, the second; nil: now
	Other    *fleet.InstanceID
	At       *time.Time // of two instances; nil: now
}

// Validate returns an *invalid.Error for what cannot be compared. now is the
// present.
func (c Comparison) Validate(now time.Time) error {
	if err := c.checkShape(); err != nil {
		return err
	}
	for _, t := range []struct {
		field string
		at    *time.Time
	}{{"from", c.From}, {"to", c.To}, {"at", c.At}} {
		if err := CheckMoment(t.field, t.at, now); err != nil {
			return err
		}
	}
	return nil
}

// checkShape looks at what is given beside what.
func (c Comparison) checkShape() error {
	if c.Other != nil {
		return c.checkInstances()
	}
	switch {
	case c.From == nil:
		return invalid.Field("from", "is needed, or other_id")
	case c.At != nil:
		return invalid.Field("at", "goes with other_id only")
	case c.To != nil && c.To.Before(*c.From):
		return invalid.Field("to", "is before from")
	}
	return nil
}

func (c Comparison) checkInstances() error {
	switch {
	case c.From != nil:
		return invalid.Field("other_id", "does not go with from: compare two moments or two instances")
	case c.To != nil:
		return invalid.Field("to", "goes with from only")
	case *c.Other == c.Instance:
		return invalid.Field("other_id", "is the same instance")
	}
	return nil
}

// CheckMoment returns an *invalid.Error when at is given and lies after now:
// nobody knows that yet.
func CheckMoment(field string, at *time.Time, now time.Time) error {
	if at != nil && at.After(now) {
		return invalid.Field(field, "is in the future")
	}
	return nil
}

// Side says where an account of a comparison is. Sent; do not rename.
type Side string

// The sides. Of two moments the first is From; of two instances it is Instance.
const (
	OnlyFirst  Side = "only_first"
	OnlySecond Side = "only_second"
	OnBoth     Side = "both" // and it differs
)

// Difference is one account that differs.
type Difference struct {
	Side   Side
	Name   string
	Host   string
	Kind   Kind
	First  ID                // 0 when it is only on the second side
	Second ID                // 0 when it is only on the first side
	Diff   Diff              // from the first to the second; empty unless Side is OnBoth
	Names  map[string]string // name by identity, of every account that Diff refers to
}

// Differ returns the difference between two states of one account, or of two
// accounts of one name. A nil state is none. ok is false when they are the same.
func Differ(first, second *Account) (d Difference, ok bool) {
	switch {
	case first == nil && second == nil:
		return Difference{}, false
	case second == nil:
		return Difference{Side: OnlyFirst, Name: first.Name, Host: first.Host, Kind: first.Kind}, true
	case first == nil:
		return Difference{Side: OnlySecond, Name: second.Name, Host: second.Host, Kind: second.Kind}, true
	}
	diff := Compare(*first, *second)
	if diff.Empty() {
		return Difference{}, false
	}
	return Difference{Side: OnBoth, Name: second.Name, Host: second.Host, Kind: second.Kind, Diff: diff}, true
}

// ByName returns the account with names in place of the identities of others,
// so that it can be compared with one of another server, where the same role
// has another identity. What names does not hold becomes "#" and the identity.
func (a Account) ByName(names map[string]string) Account {
	name := func(identity string) string {
		if identity == "" {
			return ""
		}
		if name, known := names[identity]; known {
			return name
		}
		return "#" + identity
	}
	a = a.Canonical()
	a.Identity = ""
	for i, m := range a.Memberships {
		a.Memberships[i].Role, a.Memberships[i].Grantor = name(m.Role), name(m.Grantor)
	}
	for i, g := range a.Grants {
		a.Grants[i].Grantor, a.Grants[i].ForRole = name(g.Grantor), name(g.ForRole)
	}
	return a.Canonical()
}

// Refers lists the identities that the diff names, sorted.
func (d Diff) Refers() []string { return Version{Diff: d}.Refers() }
