package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

// moment is the database's time: what is stored before lies before it, and
// what comes later after it.
func (b *accountBundle) moment(t *testing.T) *time.Time {
	t.Helper()
	at := one[time.Time](t, b.pool, `SELECT clock_timestamp()`)
	return &at
}

func TestAccountIsAsItWasThen(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	before := b.moment(t)
	all := people(1, 4)
	b.merge(t, snapshot(all))
	plain := b.moment(t)
	all[0].Superuser, all[0].Name = true, "root"
	b.merge(t, snapshot(all))
	super := b.moment(t)
	b.merge(t, snapshot(all[1:]))
	gone := b.moment(t)
	b.merge(t, snapshot(all))
	back := b.moment(t)
	id := b.id(t, "1")
	for name, tt := range map[string]struct {
		at   *time.Time
		name string
		err  error
	}{
		"before it was made": {before, "", account.ErrNotThere},
		"first":              {plain, "p1", nil},
		"changed":            {super, "root", nil},
		"gone":               {gone, "", account.ErrNotThere},
		"back":               {back, "root", nil},
		"now":                {nil, "root", nil},
	} {
		got, err := b.Account(t.Context(), id, tt.at)
		if !errors.Is(err, tt.err) || got.Account.Name != tt.name || got.AsOf != tt.at && err == nil {
			t.Errorf("%s: %q as of %v, %v", name, got.Account.Name, got.AsOf, err)
		}
		if super := got.Superuser != nil; super != (tt.name == "root") {
			t.Errorf("%s: superuser %v", name, super)
		}
	}
}

func TestAccountSaysHowItBecomesASuperuser(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	all := people(1, 5)
	for i := range all {
		all[i].Memberships = nil
	}
	all[0].Memberships = []account.Membership{{Role: "2"}}
	all[1].Memberships = []account.Membership{{Role: "1"}, {Role: "3", Admin: true}} // a loop
	all[2].Superuser = true
	b.merge(t, snapshot(all))
	then := b.moment(t)
	detail := func(identity string, at *time.Time) string {
		t.Helper()
		d, err := b.Account(t.Context(), b.id(t, identity), at)
		if err != nil {
			t.Fatal(err)
		}
		if d.Superuser == nil {
			return "none"
		}
		var steps []string
		for _, s := range d.Superuser.Steps {
			steps = append(steps, s.Name)
		}
		return strings.Join(steps, " ")
	}
	for identity, want := range map[string]string{"1": "p2 p3", "2": "p3", "3": "", "4": "none"} {
		if got := detail(identity, nil); got != want {
			t.Errorf("%s: %q, want %q", identity, got, want)
		}
	}
	all[2].Superuser = false
	b.merge(t, snapshot(all))
	if got := detail("1", nil); got != "none" {
		t.Errorf("the role lost it, and still: %q", got)
	}
	if got := detail("1", then); got != "p2 p3" {
		t.Errorf("as it was: %q", got)
	}
	b.merge(t, snapshot(all[1:]))
	if got := detail("1", nil); got != "none" {
		t.Errorf("gone, and still: %q", got)
	}
}

// compared lists the differences page by page as "side name".
func (b *accountBundle) compared(t *testing.T, c account.Comparison, limit int) []string {
	t.Helper()
	var out []string
	for after, more := (account.Cursor{}), true; more; more = after != (account.Cursor{}) {
		page, next, err := b.CompareAccounts(t.Context(), c, limit, after)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > limit {
			t.Fatalf("a page of %d, limit %d", len(page), limit)
		}
		for _, d := range page {
			if (d.First != 0) == (d.Side == account.OnlySecond) || (d.Second != 0) == (d.Side == account.OnlyFirst) {
				t.Errorf("%+v", d)
			}
			out = append(out, fmt.Sprintf("%s %s", d.Side, d.Name))
		}
		after = next
	}
	return out
}

func TestAccountsOfTwoMomentsAreCompared(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	all := people(1, 6)
	b.merge(t, snapshot(all[:5]))
	first := b.moment(t)
	all[1].Superuser = true
	b.merge(t, snapshot(all[:5]))
	all[1].Superuser = false // and back
	all[2].Name, all[3].Memberships = "renamed", []account.Membership{{Role: "2"}}
	b.merge(t, snapshot(slices.Concat(all[1:4], all[5:])))
	second := b.moment(t)
	all[1].CanLogin = false
	b.merge(t, snapshot(all[1:]))
	c := account.Comparison{Instance: b.instance, From: first, To: second}
	want := []string{"only_first p1", "both renamed", "both p4", "only_first p5", "only_second p6"}
	sorted := []string{"only_first p1", "both renamed", "both p4", "only_first p5", "only_second p6"}
	slices.SortFunc(sorted, func(x, y string) int { return strings.Compare(x, y) })
	for _, limit := range []int{1, 2, 10} {
		got := b.compared(t, c, limit)
		if len(got) != len(want) || !slices.Equal(slices.Sorted(slices.Values(got)), sorted) {
			t.Errorf("pages of %d: got %v, want %v", limit, got, want)
		}
	}
	list, _, err := b.CompareAccounts(t.Context(), c, 10, account.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(d account.Difference) bool { return d.Name == "p4" })
	if m := list[i].Diff.Memberships; m == nil || len(m.Added) != 1 || list[i].Names["2"] != "p2" {
		t.Errorf("got %+v", list[i])
	}
	if got := b.compared(t, account.Comparison{Instance: b.instance, From: second, To: second}, 10); len(got) != 0 {
		t.Errorf("a moment differs from itself: %v", got)
	}
	if got := b.compared(t, account.Comparison{Instance: b.instance, From: second}, 10); !slices.Equal(got, []string{"both p2", "only_second p5"}) {
		t.Errorf("until now: %v", got)
	}
}

func TestAccountsOfTwoInstancesAreCompared(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	here := named("same", "here", "other", "twice")
	here[0].Memberships, here[3].Host = []account.Membership{{Role: "3", Grantor: "3"}}, "a"
	b.merge(t, snapshot(here))
	one := b.instance
	b.instance = b.newInstance(t, "orders-2")
	there := named("there", "twice", "other", "same")
	there[1].Host, there[2].Superuser, there[3].Memberships = "b", true, []account.Membership{{Role: "3", Grantor: "3"}}
	for i := range there { // another server has other identities
		there[i].Identity = fmt.Sprint(100 + i)
	}
	there[3].Memberships[0] = account.Membership{Role: "102", Grantor: "102"}
	b.merge(t, snapshot(there))
	at := b.moment(t)
	c := account.Comparison{Instance: one, Other: &b.instance, At: at}
	want := []string{"only_first here", "both other", "only_second there", "only_first twice", "only_second twice"}
	for _, limit := range []int{1, 2, 10} {
		if got := b.compared(t, c, limit); !slices.Equal(got, want) {
			t.Errorf("pages of %d: got %v, want %v", limit, got, want)
		}
	}
	b.merge(t, snapshot(there[1:]))
	if got := b.compared(t, c, 10); !slices.Equal(got, want) {
		t.Errorf("as it was: got %v, want %v", got, want)
	}
	c.At = nil
	if got := b.compared(t, c, 10); slices.Contains(got, "only_second there") {
		t.Errorf("now: %v", got)
	}
	missing := fleet.InstanceID(4711)
	for _, c := range []account.Comparison{{Instance: missing, From: at}, {Instance: one, Other: &missing}} {
		if _, _, err := b.CompareAccounts(t.Context(), c, 10, account.Cursor{}); !errors.Is(err, fleet.ErrInstanceNotFound) {
			t.Errorf("unknown instance: %v", err)
		}
	}
}

// Nearly equal instances must not cost one page their whole comparison, and
// must not lose what comes late.
func TestNearlyEqualInstancesAreComparedInParts(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	all := people(1, maxPairs+100)
	b.merge(t, snapshot(all))
	one := b.instance
	b.instance = b.newInstance(t, "orders-2")
	all[997].Superuser = true // p998 comes late in the order of names
	b.merge(t, snapshot(all))
	c := account.Comparison{Instance: one, Other: &b.instance}
	if got := b.compared(t, c, 10); !slices.Equal(got, []string{"both p998"}) {
		t.Errorf("got %v", got)
	}
	page, next, err := b.CompareAccounts(t.Context(), c, 10, account.Cursor{})
	if err != nil || len(page) != 0 || next == (account.Cursor{}) {
		t.Errorf("the first part: %d differences, next %+v, %v", len(page), next, err)
	}
}
