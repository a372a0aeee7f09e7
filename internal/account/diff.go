package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Diff is what changed between two states of one account, in parts that a
// person reads. Its JSON form is stored. The zero value says: nothing.
type Diff struct {
	Renamed *Rename `json:"renamed,omitempty"`
	// Fields are those that every engine has, by their JSON names; sorted.
	Fields []FieldChange `json:"fields,omitempty"`
	// Attributes are those of the engine; sorted.
	Attributes  []FieldChange     `json:"attributes,omitempty"`
	Memberships *MembershipChange `json:"memberships,omitempty"`
	Grants      *GrantChange      `json:"grants,omitempty"`
}

// Rename is a new name for the same identity.
type Rename struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// FieldChange is one value before and after; nil means that there was, or is, none.
type FieldChange struct {
	Name string `json:"name"`
	From any    `json:"from"`
	To   any    `json:"to"`
}

// MembershipChange lists roles that were added, taken away, or changed in
// their options.
type MembershipChange struct {
	Added   []Membership       `json:"added,omitempty"`
	Removed []Membership       `json:"removed,omitempty"`
	Changed []MembershipOption `json:"changed,omitempty"`
}

// MembershipOption is one membership with other options than before.
type MembershipOption struct {
	From Membership `json:"from"`
	To   Membership `json:"to"`
}

// GrantChange lists what was given and taken. Its grants hold only the
// privileges that differ: Privileges may be empty where only the right to
// grant on, in Grantable, has changed.
type GrantChange struct {
	Added   []Grant `json:"added,omitempty"`
	Removed []Grant `json:"removed,omitempty"`
}

// Empty reports whether nothing changed.
func (d Diff) Empty() bool { return reflect.ValueOf(d).IsZero() }

// DecodeDiff returns the diff of a stored form, with the types of values that
// Compare gives.
func DecodeDiff(stored []byte) (Diff, error) {
	var d Diff
	dec := json.NewDecoder(bytes.NewReader(stored))
	dec.UseNumber()
	if err := dec.Decode(&d); err != nil {
		return Diff{}, fmt.Errorf("decode diff: %w", err)
	}
	for _, changes := range [][]FieldChange{d.Fields, d.Attributes} {
		for i := range changes {
			changes[i].From, changes[i].To = canonicalOrNil(changes[i].From), canonicalOrNil(changes[i].To)
		}
	}
	return d, nil
}

func canonicalOrNil(v any) any {
	if v == nil {
		return nil
	}
	return canonicalValue(v)
}

// Compare returns what changed from before to after, two states of the same
// account.
func Compare(before, after Account) Diff {
	before, after = before.Canonical(), after.Canonical()
	var d Diff
	if before.Name != after.Name {
		d.Renamed = &Rename{From: before.Name, To: after.Name}
	}
	d.Fields = compareMaps(before.fields(), after.fields())
	d.Attributes = compareMaps(before.Attributes, after.Attributes)
	d.Memberships = diffMemberships(before.Memberships, after.Memberships)
	d.Grants = diffGrants(before.Grants, after.Grants)
	return d
}

func (a Account) fields() map[string]any {
	fields := map[string]any{
		"host": a.Host, "kind": string(a.Kind), "system": a.System,
		"can_login": a.CanLogin, "superuser": a.Superuser,
	}
	if a.ValidUntil != nil {
		fields["valid_until"] = a.ValidUntil.Format(time.RFC3339Nano)
	}
	return fields
}

func compareMaps(before, after map[string]any) []FieldChange {
	var changes []FieldChange
	for name, from := range before {
		if to := after[name]; !reflect.DeepEqual(from, to) {
			changes = append(changes, FieldChange{Name: name, From: from, To: to})
		}
	}
	for name, to := range after {
		if _, known := before[name]; !known {
			changes = append(changes, FieldChange{Name: name, To: to})
		}
	}
	slices.SortFunc(changes, func(a, b FieldChange) int { return strings.Compare(a.Name, b.Name) })
	return changes
}

func diffMemberships(before, after []Membership) *MembershipChange {
	var change MembershipChange
	old := byKey(before, Membership.key)
	for _, m := range after {
		was, known := old[m.key()]
		switch {
		case !known:
			change.Added = append(change.Added, m)
		case !reflect.DeepEqual(was, m):
			change.Changed = append(change.Changed, MembershipOption{From: was, To: m})
		}
	}
	still := byKey(after, Membership.key)
	for _, m := range before {
		if _, kept := still[m.key()]; !kept {
			change.Removed = append(change.Removed, m)
		}
	}
	if reflect.ValueOf(change).IsZero() {
		return nil
	}
	return &change
}

func diffGrants(before, after []Grant) *GrantChange {
	change := GrantChange{Added: exceeding(after, before), Removed: exceeding(before, after)}
	if change.Added == nil && change.Removed == nil {
		return nil
	}
	return &change
}

// exceeding returns what grants give beyond base, per privilege.
func exceeding(grants, base []Grant) []Grant {
	var out []Grant
	known := byKey(base, Grant.key)
	for _, g := range grants {
		was := known[g.key()]
		g.Privileges = minus(g.Privileges, was.Privileges)
		g.Grantable = minus(g.Grantable, was.Grantable)
		if g.Privileges == nil {
			g.Privileges = []string{}
		}
		if len(g.Privileges)+len(g.Grantable) > 0 {
			out = append(out, g)
		}
	}
	return out
}

func byKey[T any, K comparable](list []T, key func(T) K) map[K]T {
	out := make(map[K]T, len(list))
	for _, v := range list {
		out[key(v)] = v
	}
	return out
}
