package account_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dbfleet/dbfleet/internal/account"
)

func TestCompareOfEqualStatesIsEmpty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := accounts().Draw(t, "account")
		if d := account.Compare(a, a); !d.Empty() {
			t.Fatalf("got %+v", d)
		}
	})
}

func TestCompareSaysEverythingThatChanged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := accounts().Draw(t, "before"), accounts().Draw(t, "after")
		d := account.Compare(before, after)
		stored, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		read, err := account.DecodeDiff(stored)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, read); diff != "" {
			t.Fatalf("after a way through JSON (-before +after):\n%s", diff)
		}
		got := apply(before.Canonical(), read).Canonical()
		if diff := cmp.Diff(after.Canonical(), got); diff != "" {
			t.Fatalf("the diff %s does not lead there (-want +got):\n%s", stored, diff)
		}
		if d.Empty() != (encode(t, before) == encode(t, after)) {
			t.Fatal("empty diff and equal hash do not go together")
		}
	})
}

func TestCompareNamesEveryPrivilege(t *testing.T) {
	t.Parallel()
	table := account.Grant{Type: "table", Database: "app", Object: "t", Source: account.Explicit, Grantor: "10"}
	with := func(privileges, grantable []string) account.Grant {
		g := table
		g.Privileges, g.Grantable = privileges, grantable
		return g
	}
	before := account.Account{
		Name: "ann", Superuser: true,
		Memberships: []account.Membership{{Role: "7"}, {Role: "8"}},
		Grants:      []account.Grant{with([]string{"DELETE", "SELECT"}, nil)},
	}
	after := account.Account{
		Name:        "anna",
		Memberships: []account.Membership{{Role: "8", Admin: true}, {Role: "9"}},
		Grants:      []account.Grant{with([]string{"INSERT", "SELECT"}, []string{"SELECT"})},
	}
	want := account.Diff{
		Renamed: &account.Rename{From: "ann", To: "anna"},
		Fields:  []account.FieldChange{{Name: "superuser", From: true, To: false}},
		Memberships: &account.MembershipChange{
			Added:   []account.Membership{{Role: "9"}},
			Removed: []account.Membership{{Role: "7"}},
			Changed: []account.MembershipOption{{From: account.Membership{Role: "8"}, To: account.Membership{Role: "8", Admin: true}}},
		},
		Grants: &account.GrantChange{
			Added:   []account.Grant{with([]string{"INSERT"}, []string{"SELECT"})},
			Removed: []account.Grant{with([]string{"DELETE"}, nil)},
		},
	}
	if diff := cmp.Diff(want, account.Compare(before, after)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// apply leads from the state before to the one after, by what the diff says alone.
func apply(a account.Account, d account.Diff) account.Account {
	if d.Renamed != nil {
		a.Name = d.Renamed.To
	}
	for _, c := range d.Fields {
		applyField(&a, c)
	}
	for _, c := range d.Attributes {
		delete(a.Attributes, c.Name)
		if c.To != nil {
			a.Attributes[c.Name] = c.To
		}
	}
	if d.Memberships != nil {
		a.Memberships = applyMemberships(a.Memberships, *d.Memberships)
	}
	if d.Grants != nil {
		a.Grants = applyGrants(a.Grants, *d.Grants)
	}
	return a
}

func applyField(a *account.Account, c account.FieldChange) {
	switch c.Name {
	case "host":
		a.Host = c.To.(string)
	case "kind":
		a.Kind = account.Kind(c.To.(string))
	case "system":
		a.System = c.To.(bool)
	case "can_login":
		a.CanLogin = c.To.(bool)
	case "superuser":
		a.Superuser = c.To.(bool)
	case "valid_until":
		a.ValidUntil = nil
		if text, given := c.To.(string); given {
			until, _ := time.Parse(time.RFC3339Nano, text)
			a.ValidUntil = &until
		}
	}
}

func applyMemberships(list []account.Membership, c account.MembershipChange) []account.Membership {
	gone := slices.Clone(c.Removed)
	for _, option := range c.Changed {
		gone = append(gone, option.From)
		c.Added = append(c.Added, option.To)
	}
	list = slices.DeleteFunc(list, func(m account.Membership) bool {
		return slices.ContainsFunc(gone, func(g account.Membership) bool { return cmp.Equal(m, g) })
	})
	return append(list, c.Added...)
}

func applyGrants(list []account.Grant, c account.GrantChange) []account.Grant {
	for _, added := range c.Added {
		if i := slices.IndexFunc(list, func(g account.Grant) bool { return sameKey(g, added) }); i >= 0 {
			list[i].Privileges = append(list[i].Privileges, added.Privileges...)
			list[i].Grantable = append(list[i].Grantable, added.Grantable...)
			continue
		}
		list = append(list, added)
	}
	for _, removed := range c.Removed {
		i := slices.IndexFunc(list, func(g account.Grant) bool { return sameKey(g, removed) })
		list[i].Privileges = without(list[i].Privileges, removed.Privileges)
		list[i].Grantable = without(list[i].Grantable, removed.Grantable)
	}
	return list
}

func sameKey(a, b account.Grant) bool {
	a.Privileges, a.Grantable, b.Privileges, b.Grantable = nil, nil, nil, nil
	return cmp.Equal(a, b)
}

func without(set, gone []string) []string {
	return slices.DeleteFunc(slices.Clone(set), func(s string) bool { return slices.Contains(gone, s) })
}
