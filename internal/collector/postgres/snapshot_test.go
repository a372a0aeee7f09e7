package postgres_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
)

// A snapshot is what a test asks about.
type snapshot struct{ account.Snapshot }

type grant = account.Grant

// account returns the account of that name; nil when there is none.
func (s snapshot) account(name string) *account.Account {
	for i := range s.Accounts {
		if s.Accounts[i].Name == name {
			return &s.Accounts[i]
		}
	}
	return nil
}

// names translates identities into names.
func (s snapshot) names() map[string]string {
	names := map[string]string{}
	for _, a := range s.Accounts {
		names[a.Identity] = a.Name
	}
	return names
}

// grants writes what an account has, one sorted line per grant, as in
//
//	table postgres s.t SELECT,UPDATE* by owner explicit
func (s snapshot) grants(name string) []string {
	a := s.account(name)
	if a == nil {
		return nil
	}
	return lines(*a, s.names())
}

func lines(a account.Account, names map[string]string) []string {
	var all []string
	for _, g := range a.Grants {
		all = append(all, line(g, names))
	}
	slices.Sort(all)
	return all
}

func line(g grant, names map[string]string) string {
	object := strings.Trim(strings.Join([]string{g.Schema, g.Object, g.Column}, "."), ".")
	parts := []string{g.Type, cmp.Or(g.Database, "-"), object, privileges(g)}
	if g.ForRole != "" {
		parts = append(parts, "for "+names[g.ForRole])
	}
	if g.Grantor != "" {
		parts = append(parts, "by "+names[g.Grantor])
	}
	parts = append(parts, string(g.Source))
	if g.Effect != "" {
		parts = append(parts, string(g.Effect))
	}
	return strings.Join(parts, " ")
}

func privileges(g grant) string {
	var all []string
	for _, p := range g.Privileges {
		if slices.Contains(g.Grantable, p) {
			p += "*"
		}
		all = append(all, p)
	}
	return strings.Join(all, ",")
}

// changes writes how the accounts of two reads differ, one sorted line per
// difference: "alice: + table …".
func changes(t testing.TB, before, after snapshot) []string {
	t.Helper()
	var all []string
	seen := map[string]bool{}
	for _, a := range before.Accounts {
		seen[a.Identity] = true
		all = append(all, changesOf(t, a.Identity, before, after)...)
	}
	for _, a := range after.Accounts {
		if !seen[a.Identity] {
			all = append(all, "created "+a.Name)
		}
	}
	slices.Sort(all)
	return all
}

func changesOf(t testing.TB, identity string, before, after snapshot) []string {
	t.Helper()
	one, two := byIdentity(before, identity), byIdentity(after, identity)
	if two == nil {
		return []string{"gone " + one.Name}
	}
	var all []string
	if one.Name != two.Name {
		all = append(all, fmt.Sprintf("renamed %s to %s", one.Name, two.Name))
	}
	names := before.names()
	maps.Copy(names, after.names()) // a new name is no difference of those who refer to it
	was, is := lines(*one, names), lines(*two, names)
	for _, l := range was {
		if !slices.Contains(is, l) {
			all = append(all, two.Name+": - "+l)
		}
	}
	for _, l := range is {
		if !slices.Contains(was, l) {
			all = append(all, two.Name+": + "+l)
		}
	}
	if len(all) == 0 && hash(t, *one) != hash(t, *two) {
		all = append(all, "other "+two.Name)
	}
	return all
}

func byIdentity(s snapshot, identity string) *account.Account {
	for i := range s.Accounts {
		if s.Accounts[i].Identity == identity {
			return &s.Accounts[i]
		}
	}
	return nil
}

func hash(t testing.TB, a account.Account) account.Hash {
	t.Helper()
	_, h, err := account.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
