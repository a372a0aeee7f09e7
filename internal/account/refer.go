package account

import (
	"maps"
	"slices"
)

// Refers lists the identities of the other accounts that this one names: roles,
// grantors, and creators of default privileges. It is sorted.
func (a Account) Refers() []string { return referred(a.Memberships, a.Grants) }

// Refers lists the identities that the version's state and diff name, sorted.
func (v Version) Refers() []string {
	var memberships []Membership
	var grants []Grant
	if v.State != nil {
		memberships, grants = slices.Clone(v.State.Memberships), slices.Clone(v.State.Grants)
	}
	if m := v.Diff.Memberships; m != nil {
		memberships = append(memberships, slices.Concat(m.Added, m.Removed)...)
		for _, option := range m.Changed {
			memberships = append(memberships, option.From)
		}
	}
	if g := v.Diff.Grants; g != nil {
		grants = append(grants, slices.Concat(g.Added, g.Removed)...)
	}
	return referred(memberships, grants)
}

func referred(memberships []Membership, grants []Grant) []string {
	seen := map[string]bool{}
	for _, m := range memberships {
		seen[m.Role], seen[m.Grantor] = true, true
	}
	for _, g := range grants {
		seen[g.Grantor], seen[g.ForRole] = true, true
	}
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen))
}
