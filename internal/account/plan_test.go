package account_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

func standard() account.HoldRules { return account.HoldRules{Percent: 30, Minimum: 20} }

// people returns n accounts with the identities first, first+1 …
func people(first, n int) []account.Account {
	out := make([]account.Account, n)
	for i := range out {
		id := fmt.Sprint(first + i)
		out[i] = account.Account{Identity: id, Name: "p" + id, Kind: account.User}
	}
	return out
}

// system returns n accounts of the server itself, and PUBLIC.
func system(n int) []account.Account {
	out := people(1_000_000, n)
	for i := range out {
		out[i].System = true
	}
	return append(out, account.Account{Identity: account.PublicIdentity, Name: "PUBLIC", Kind: account.Public})
}

// stored returns accounts as they are stored, with ids from 1.
func stored(t *testing.T, accounts []account.Account) []account.Stored {
	t.Helper()
	out := make([]account.Stored, len(accounts))
	for i, a := range accounts {
		out[i] = account.Stored{ID: account.ID(i + 1), Identity: a.Identity, Hash: encode(t, a), Kind: a.Kind, System: a.System}
	}
	return out
}

func read(accounts []account.Account, gaps ...account.Gap) account.Snapshot {
	return account.Snapshot{Server: fleet.Server{Identity: "S"}, Accounts: accounts, Gaps: gaps}
}

func plan(t *testing.T, current account.Current, snap account.Snapshot) account.Plan {
	t.Helper()
	p, err := account.NewPlan(current, snap, standard())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlanOfUnchangedAccountsWritesNothing(t *testing.T) {
	t.Parallel()
	all := append(people(1, 30), system(3)...)
	got := plan(t, account.Current{Identity: "S", Accounts: stored(t, all)}, read(all))
	if diff := cmp.Diff(account.Plan{}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPlanFindsEveryKindOfChange(t *testing.T) {
	t.Parallel()
	known := stored(t, people(1, 4))
	known[3].Deleted = true
	now := people(2, 4) // 1 is gone, 4 is back, 5 is new
	now[0].Superuser = true
	got := plan(t, account.Current{Identity: "S", Accounts: known}, read(now))
	want := account.Plan{
		Create: []account.Write{{Index: 3, Hash: encode(t, now[3])}},
		Change: []account.Write{
			{Index: 0, ID: 2, Hash: encode(t, now[0])},
			{Index: 2, ID: 4, Hash: encode(t, now[2]), Returned: true},
		},
		Gone: []account.ID{1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPlanHoldsMassDisappearance(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		people, system, missing int
		held                    bool
	}{
		"20 of 66 are 30.3 %":               {people: 60, system: 5, missing: 20, held: true},
		"20 of 67 are 29.9 %":               {people: 61, system: 5, missing: 20},
		"19 of 20 and one remains":          {people: 20, missing: 19},
		"exactly 30 %: 30 of 100":           {people: 94, system: 5, missing: 30},
		"31 of 100":                         {people: 94, system: 5, missing: 31, held: true},
		"19 of 30 are below the minimum":    {people: 24, system: 5, missing: 19},
		"the only one that people made":     {people: 1, system: 10, missing: 1, held: true},
		"all that people made":              {people: 3, system: 100, missing: 3, held: true},
		"all but one that people made":      {people: 3, system: 100, missing: 2},
		"nothing that people made is known": {people: 0, system: 10, missing: 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := append(people(1, tt.people), system(tt.system)...)
			got := plan(t, account.Current{Identity: "S", Accounts: stored(t, all)}, read(all[tt.missing:]))
			if got.Held != tt.held || (got.Hold.Open != nil) != tt.held {
				t.Errorf("held %t, want %t", got.Held, tt.held)
			}
			if want := tt.missing; !tt.held && len(got.Gone) != want || tt.held && got.Gone != nil {
				t.Errorf("%d are gone", len(got.Gone))
			}
		})
	}
}

func TestPlanStoresTheRestBesideAHold(t *testing.T) {
	t.Parallel()
	known := people(1, 66-1)
	now := people(21, 46) // 1 to 20 missing, 66 new
	now[0].Superuser = true
	got := plan(t, account.Current{Identity: "S", Accounts: stored(t, known)}, read(now))
	if !got.Held || len(got.Create) != 1 || len(got.Change) != 1 || got.Gone != nil {
		t.Errorf("got %+v", got)
	}
}

func TestPlanOfIncompleteListDeletesNothing(t *testing.T) {
	t.Parallel()
	current := account.Current{Identity: "S", Accounts: stored(t, people(1, 100))}
	for name, gap := range map[string]account.Gap{"server": {}, "accounts": {Type: account.GapAccounts}} {
		if got := plan(t, current, read(people(2, 99), gap)); got.Gone != nil || got.Held {
			t.Errorf("%s: %d gone, held %t", name, len(got.Gone), got.Held)
		}
	}
}

func TestPlanDeletesBesideADatabaseGap(t *testing.T) {
	t.Parallel()
	current := account.Current{Identity: "S", Accounts: stored(t, people(1, 100))}
	got := plan(t, current, read(people(2, 99), account.Gap{Database: "app"}))
	if diff := cmp.Diff([]account.ID{1}, got.Gone); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPlanRefusesContradictions(t *testing.T) {
	t.Parallel()
	tests := map[string][]account.Account{
		"twice":            append(people(1, 2), people(2, 1)...),
		"twice when clean": {{Identity: "\xff", Kind: account.User}, {Identity: "\x00", Kind: account.User}},
		"no identity":      {{Name: "ann", Kind: account.User}},
		"no kind":          {{Identity: "1"}},
	}
	for name, accounts := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p, err := account.NewPlan(account.Current{}, read(accounts), standard()); err == nil {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestPlanOfFirstContactTakesTheServer(t *testing.T) {
	t.Parallel()
	got := plan(t, account.Current{}, read(people(1, 3)))
	if got.Foreign || got.Held || len(got.Create) != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestPlanOfSilentServerTakesItForTheSame(t *testing.T) {
	t.Parallel()
	snap := read(people(1, 3))
	snap.Server.Identity = ""
	if got := plan(t, account.Current{Identity: "S", Accounts: stored(t, people(1, 3))}, snap); got.Foreign || got.Held {
		t.Errorf("got %+v", got)
	}
}

// A server that is upgraded, or goes back, may begin or cease to have an identity
// of its own.
func TestPlanComparesIdentitiesOfOneKind(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		was, is string
		foreign bool
	}{
		"same place":       {"place-a", "place-a", false},
		"place to own":     {"place-a", "U", false},
		"own to place":     {"U", "place-a", false},
		"own to other own": {"U", "V", true},
		"moved":            {"place-a", "place-b", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			snap := read(people(1, 3))
			snap.Server.Identity = test.is
			got := plan(t, account.Current{Identity: test.was, Accounts: stored(t, people(1, 3))}, snap)
			if got.Foreign != test.foreign || got.Held != test.foreign {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestPlanHoldsAnotherServer(t *testing.T) {
	t.Parallel()
	current := account.Current{Identity: "OLD", Accounts: stored(t, people(1, 3))}
	got := plan(t, current, read(people(2, 5)))
	if !got.Foreign || !got.Held || got.Create != nil || got.Change != nil || got.Gone != nil {
		t.Fatalf("got %+v", got)
	}
	f := got.Hold.Open
	if f == nil || f.Reason != account.IdentityChanged || f.OldIdentity != "OLD" || f.NewIdentity != "S" || f.Known != 3 || f.MissingCount != 3 {
		t.Errorf("got %+v", f)
	}
}
