package account_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dbfleet/dbfleet/internal/account"
)

func TestCarryOverNeverRemovesWhatWasRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stored, read := accounts().Draw(t, "stored").Canonical(), accounts().Draw(t, "read").Canonical()
		got := account.CarryOver(stored, read, rapid.SliceOfN(gaps(), 0, 3).Draw(t, "gaps"))
		d := account.Compare(read, got)
		if d.Grants != nil && d.Grants.Removed != nil || d.Memberships != nil && d.Memberships.Removed != nil {
			t.Fatalf("taken from what was read: %+v", d)
		}
		for name := range read.Attributes {
			if !cmp.Equal(read.Attributes[name], got.Attributes[name]) {
				t.Fatalf("attribute %s was read and is another", name)
			}
		}
	})
}

func TestCarryOverKeepsEverythingWhenTheListIsIncomplete(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stored, read := accounts().Draw(t, "stored").Canonical(), accounts().Draw(t, "read")
		gap := account.Gap{Type: rapid.SampledFrom([]string{"", account.GapAccounts}).Draw(t, "type")}
		got := account.CarryOver(stored, read, []account.Gap{gap})
		d := account.Compare(stored, got)
		if d.Grants != nil && d.Grants.Removed != nil || d.Memberships != nil && d.Memberships.Removed != nil {
			t.Fatalf("taken from what is stored: %+v", d)
		}
		for name := range stored.Attributes {
			if _, kept := got.Attributes[name]; !kept {
				t.Fatalf("attribute %s is lost", name)
			}
		}
	})
}

func TestCarryOverWithoutGapsTakesWhatWasRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stored, read := accounts().Draw(t, "stored").Canonical(), accounts().Draw(t, "read")
		if got := account.CarryOver(stored, read, nil); encode(t, got) != encode(t, read) {
			t.Fatal("something stored came in")
		}
	})
}

func TestCarryOverIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stored, read := accounts().Draw(t, "stored").Canonical(), accounts().Draw(t, "read")
		list := rapid.SliceOfN(gaps(), 0, 3).Draw(t, "gaps")
		once := account.CarryOver(stored, read, list)
		if twice := account.CarryOver(once, read, list); encode(t, once) != encode(t, twice) {
			t.Fatal("the same incomplete read changes the state again")
		}
	})
}

func TestCarryOverKeepsWhatLiesInTheGap(t *testing.T) {
	t.Parallel()
	stored := account.Account{
		Attributes:  map[string]any{account.AttributeSettings: []string{"work_mem=1GB"}, "conn_limit": 5},
		Memberships: []account.Membership{{Role: "member"}},
		Grants: []account.Grant{
			grant("table", "app"), grant("schema", "app"), grant("table", "shop"), grant("tablespace", ""),
			grant("database", "app"), grant("database", ""),
		},
	}
	tests := map[string]struct {
		gap  account.Gap
		want []string
	}{
		"a database":             {account.Gap{Database: "app"}, []string{"schema app", "table app"}},
		"a type of a database":   {account.Gap{Database: "app", Type: "table"}, []string{"table app"}},
		"a type of every one":    {account.Gap{Type: "table"}, []string{"table app", "table shop"}},
		"grants on databases":    {account.Gap{Type: "database"}, []string{"database ", "database app"}},
		"a type of the server":   {account.Gap{Type: "tablespace"}, []string{"tablespace "}},
		"memberships":            {account.Gap{Type: account.GapMemberships}, []string{"member"}},
		"settings":               {account.Gap{Type: account.GapSettings}, []string{account.AttributeSettings}},
		"another database":       {account.Gap{Database: "third"}, nil},
		"the list of accounts":   {account.Gap{Type: account.GapAccounts}, everything()},
		"the server as a whole":  {account.Gap{}, everything()},
		"list, for one database": {account.Gap{Database: "app", Type: account.GapAccounts}, everything()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := contents(account.CarryOver(stored, account.Account{}, []account.Gap{tt.gap}))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func grant(kind, database string) account.Grant {
	return account.Grant{Type: kind, Database: database, Privileges: []string{"X"}, Source: account.Explicit}
}

func everything() []string {
	return []string{
		"conn_limit", "database ", "database app", "member", "schema app", account.AttributeSettings,
		"table app", "table shop", "tablespace ",
	}
}

func contents(a account.Account) []string {
	var out []string
	for name := range a.Attributes {
		out = append(out, name)
	}
	for _, m := range a.Memberships {
		out = append(out, m.Role)
	}
	for _, g := range a.Grants {
		out = append(out, g.Type+" "+g.Database)
	}
	slices.Sort(out)
	return out
}

func TestListComplete(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		gaps []account.Gap
		want bool
	}{
		"no gap":           {nil, true},
		"a database":       {[]account.Gap{{Database: "app"}}, true},
		"a type":           {[]account.Gap{{Type: "table"}, {Type: account.GapMemberships}}, true},
		"accounts":         {[]account.Gap{{Database: "app"}, {Type: account.GapAccounts}}, false},
		"the whole server": {[]account.Gap{{}}, false},
	}
	for name, tt := range tests {
		if got := (account.Snapshot{Gaps: tt.gaps}).ListComplete(); got != tt.want {
			t.Errorf("%s: complete %t", name, got)
		}
	}
}
