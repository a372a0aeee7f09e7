package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
)

// names lists the names of all accounts that match, page by page.
func (b *accountBundle) names(t testing.TB, f account.Filter, limit int) []string {
	t.Helper()
	names := []string{}
	for after, more := (account.Cursor{}), true; more; more = after != (account.Cursor{}) {
		page, next, err := b.ListAccounts(t.Context(), f, limit, after)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > limit {
			t.Fatalf("a page of %d, limit %d", len(page), limit)
		}
		for _, a := range page {
			names = append(names, a.Name)
		}
		after = next
	}
	return names
}

func named(names ...string) []account.Account {
	out := people(1, len(names))
	for i := range out {
		out[i].Name = names[i]
	}
	return out
}

func TestListAccountsFilters(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	first := named("ann", "zNna", "a_b", "axb", "100%", `back\slash`)
	first[0].Superuser, first[1].Kind = true, account.Role
	b.merge(t, snapshot(first))
	b.merge(t, snapshot(first[:5]))
	one := b.instance
	b.instance = b.newInstance(t, "orders-2")
	b.merge(t, snapshot(named("ann")))
	super, role := true, account.Role
	tests := map[string]struct {
		filter account.Filter
		want   []string
	}{
		"exact name":        {account.Filter{Name: "ann"}, []string{"ann", "ann"}},
		"exact is literal":  {account.Filter{Name: "a_b"}, []string{"a_b"}},
		"part, any case":    {account.Filter{NameContains: "NN"}, []string{"ann", "ann", "zNna"}},
		"part with _":       {account.Filter{NameContains: "a_"}, []string{"a_b"}},
		"part with %":       {account.Filter{NameContains: "0%"}, []string{"100%"}},
		"part with \\":      {account.Filter{NameContains: `\`, Deleted: true}, []string{`back\slash`}},
		"gone are left out": {account.Filter{NameContains: `\`}, []string{}},
		"instance":          {account.Filter{Instance: &b.instance}, []string{"ann"}},
		"superuser":         {account.Filter{Superuser: &super}, []string{"ann"}},
		"kind":              {account.Filter{Kind: &role}, []string{"zNna"}},
		"all of them":       {account.Filter{Instance: &one, Name: "ann", Superuser: &super}, []string{"ann"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, b.names(t, tt.filter, 10)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAccountsOfDeletedInstancesAreGone(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(named("ann")))
	if err := b.DeleteInstance(t.Context(), b.instance); err != nil {
		t.Fatal(err)
	}
	if got := b.names(t, account.Filter{}, 10); len(got) != 0 {
		t.Errorf("listed %v, want nothing of a deleted instance", got)
	}
	if got := b.names(t, account.Filter{Deleted: true}, 10); len(got) != 1 {
		t.Errorf("listed %v among those that are gone, want ann", got)
	}
}

func TestListAccountsPagesThroughEqualNames(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(named("a", "b", "b", "b", "c", "d")))
	want := []string{"a", "b", "b", "b", "c", "d"}
	for _, limit := range []int{1, 2, 3, 6, 7} {
		if diff := cmp.Diff(want, b.names(t, account.Filter{}, limit)); diff != "" {
			t.Errorf("limit %d: -want +got:\n%s", limit, diff)
		}
	}
}

func TestListAccountsSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	until := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	all := people(1, 1)
	all[0].ValidUntil = &until
	b.merge(t, snapshot(all))
	list, _, err := b.ListAccounts(t.Context(), account.Filter{}, 10, account.Cursor{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d accounts, %v", len(list), err)
	}
	a := list[0]
	if a.InstanceName != "orders-1" || a.Identity != "1" || !a.CanLogin || a.Memberships != 1 || a.Grants != 2 || !a.ValidUntil.Equal(until) {
		t.Errorf("got %+v", a)
	}
	synced := one[time.Time](t, b.pool, `SELECT synced_at FROM last_syncs`)
	if !a.LastSeenAt.Equal(synced) {
		t.Errorf("last seen %s, want %s", a.LastSeenAt, synced)
	}
}

func TestAccountsThatAreHeldWereSeenBefore(t *testing.T) {
	t.Parallel()
	b, h := newHeld(t)
	list, _, err := b.ListAccounts(t.Context(), account.Filter{Name: "p1"}, 10, account.Cursor{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d accounts, %v", len(list), err)
	}
	detail, err := b.Account(t.Context(), list[0].ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, seen := range []time.Time{list[0].LastSeenAt, detail.LastSeenAt} {
		if !seen.Equal(*h.LastSeenAt) {
			t.Errorf("last seen %s, want %s", seen, h.LastSeenAt)
		}
	}
}

func TestAccountNamesWhatItRefersTo(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	all := people(1, 3)
	all[0].Memberships = []account.Membership{{Role: "2", Grantor: "3"}, {Role: "99"}}
	all[0].Grants = []account.Grant{{Type: "table", Object: "t", Privileges: []string{"SELECT"}, Grantor: "3", ForRole: "2"}}
	b.merge(t, snapshot(all))
	b.merge(t, snapshot(all[:2])) // 3 is gone and keeps its name
	got, err := b.Account(t.Context(), b.id(t, "1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"2": "p2", "3": "p3"}, got.Names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(all[0].Canonical(), got.Account); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := b.Account(t.Context(), 4711, nil); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestAccountOfReplacedServerKeepsItsOwnNames(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	all := people(1, 4)
	all[3].Memberships = []account.Membership{{Role: "3"}}
	b.merge(t, snapshot(all))
	old := b.id(t, "4")
	for range account.SelfConfirm {
		b.merge(t, other()) // has another 3
	}
	got, err := b.Account(t.Context(), old, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Names["3"] != "p3" || got.ReplacedAt == nil || got.DeletedAt == nil {
		t.Errorf("got %+v", got)
	}
}

func TestAccountHistoryPagesFromNewToOld(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	all := people(1, 3)
	b.merge(t, snapshot(all))
	all[0].Name = "renamed"
	all[0].Memberships = []account.Membership{{Role: "2"}}
	b.merge(t, snapshot(all))
	b.merge(t, snapshot(all[1:]))
	b.merge(t, snapshot(all))
	id := b.id(t, "1")
	var versions []account.Version
	for after, pages := account.VersionID(0), 0; pages == 0 || after != 0; pages++ {
		page, next, err := b.AccountHistory(t.Context(), id, 2, after)
		if err != nil {
			t.Fatal(err)
		}
		versions, after = append(versions, page...), next
	}
	var changes []account.Change
	for _, v := range versions {
		changes = append(changes, v.Change)
		if (v.State == nil) != (v.Change == account.Disappeared) || v.Session != b.claim.Session || v.Record == 0 {
			t.Errorf("got %+v", v)
		}
	}
	want := []account.Change{account.Returned, account.Disappeared, account.Changed, account.Created}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if d := versions[2].Diff; d.Renamed == nil || d.Renamed.To != "renamed" || d.Memberships == nil || versions[2].Names["2"] != "p2" {
		t.Errorf("got %+v", versions[2])
	}
	if _, _, err := b.AccountHistory(t.Context(), 4711, 10, 0); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}
