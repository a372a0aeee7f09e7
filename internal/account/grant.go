package account

import (
	"cmp"
	"slices"
	"strings"
)

// grantKey is what makes two grants the same one with other privileges.
type grantKey struct {
	kind, database, schema, object, column, grantor, forRole string
	source                                                   Source
	effect                                                   Effect
}

func (g Grant) key() grantKey {
	return grantKey{g.Type, g.Database, g.Schema, g.Object, g.Column, g.Grantor, g.ForRole, g.Source, g.Effect}
}

func compareGrants(a, b Grant) int {
	return cmp.Or(
		strings.Compare(a.Type, b.Type),
		strings.Compare(a.Database, b.Database),
		strings.Compare(a.Schema, b.Schema),
		strings.Compare(a.Object, b.Object),
		strings.Compare(a.Column, b.Column),
		strings.Compare(a.Grantor, b.Grantor),
		strings.Compare(a.ForRole, b.ForRole),
		cmp.Compare(a.Source, b.Source),
		cmp.Compare(a.Effect, b.Effect),
	)
}

// canonicalGrants sorts, merges the privileges of equal keys, and leaves out
// grants of nothing.
func canonicalGrants(grants []Grant) []Grant {
	out := make([]Grant, 0, len(grants))
	for _, g := range grants {
		if g = g.canonical(); len(g.Privileges) > 0 {
			out = append(out, g)
		}
	}
	slices.SortStableFunc(out, compareGrants)
	return mergeRuns(out, compareGrants, func(a, b Grant) Grant {
		a.Privileges = union(a.Privileges, b.Privileges)
		a.Grantable = union(a.Grantable, b.Grantable)
		return a
	})
}

func (g Grant) canonical() Grant {
	for _, text := range []*string{&g.Type, &g.Database, &g.Schema, &g.Object, &g.Column, &g.Grantor, &g.ForRole} {
		*text = clean(*text)
	}
	g.Privileges = canonicalSet(g.Privileges)
	g.Grantable = canonicalSet(g.Grantable)
	return g
}

// canonicalSet returns a sorted copy without doubles; nil when it is empty.
func canonicalSet(set []string) []string {
	if len(set) == 0 {
		return nil
	}
	out := make([]string, len(set))
	for i, s := range set {
		out[i] = clean(s)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// union, minus: of canonical sets.
func union(a, b []string) []string { return canonicalSet(slices.Concat(a, b)) }

func minus(a, b []string) []string {
	var out []string
	for _, s := range a {
		if _, found := slices.BinarySearch(b, s); !found {
			out = append(out, s)
		}
	}
	return out
}
