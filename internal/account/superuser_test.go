package account_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dbfleet/dbfleet/internal/account"
)

// members builds accounts from "member role role" lines; a name with ! is a
// superuser's.
func members(lines ...string) []account.Account {
	var all []account.Account
	for _, line := range lines {
		words := strings.Fields(line)
		name := strings.TrimSuffix(words[0], "!")
		a := account.Account{Identity: name, Name: name, Superuser: name != words[0]}
		for _, role := range words[1:] {
			a.Memberships = append(a.Memberships, account.Membership{Role: role})
		}
		all = append(all, a)
	}
	return all
}

func way(p *account.SuperuserPath) string {
	if p == nil {
		return "none"
	}
	var steps []string
	for _, s := range p.Steps {
		step := s.Name
		if s.Everybody {
			step += "*"
		}
		steps = append(steps, step)
	}
	return strings.Join(steps, " ")
}

func TestPathToSuperuser(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		accounts []account.Account
		want     string
	}{
		"itself":              {members("a!"), ""},
		"no way":              {members("a b", "b"), "none"},
		"a role":              {members("a b", "b!"), "b"},
		"through another":     {members("a b", "b c", "c!"), "b c"},
		"the shortest":        {members("a b d", "b c", "c d", "d!"), "d"},
		"the first by name":   {members("a d b", "b!", "d!"), "b"},
		"a loop":              {members("a b", "b c", "c a b"), "none"},
		"a loop with an end":  {members("a b", "b a c", "c b d", "d!"), "b c d"},
		"a member of itself":  {members("a a"), "none"},
		"an unknown role":     {members("a x"), "none"},
		"unknown":             {members("b!"), "none"},
		"everybody":           {members("a", "public!"), "public*"},
		"a role of everybody": {members("a", "public b", "b!"), "public* b*"},
		"what follows it":     {members("a", "public b", "b c", "c!"), "public* b* c"},
		"its own first":       {members("a b", "public b", "b!"), "b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := way(account.PathToSuperuser("a", tt.accounts)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPathToSuperuserNeedsAUsableMembership(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for name, tt := range map[string]struct {
		membership account.Membership
		want       string
	}{
		"may set":               {account.Membership{Set: &yes}, "b"},
		"inherits only":         {account.Membership{Set: &no, Inherit: &yes}, "none"},
		"may grant it to all":   {account.Membership{Set: &no, Admin: true}, "b"},
		"engine does not say":   {account.Membership{}, "b"},
		"not on from the start": {account.Membership{Default: &no}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := members("a", "b!")
			tt.membership.Role = "b"
			all[0].Memberships = []account.Membership{tt.membership}
			if got := way(account.PathToSuperuser("a", all)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Whatever the memberships, a way ends, goes through each role once, follows
// memberships, and ends at a superuser.
func TestPathToSuperuserIsAWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d", "e", "public"}
		var lines []string
		for _, name := range names {
			line := name
			if rapid.IntRange(0, 4).Draw(t, "super") == 0 {
				line += "!"
			}
			lines = append(lines, line+" "+strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 0, 4).Draw(t, "roles"), " "))
		}
		all := map[string]account.Account{}
		for _, a := range members(lines...) {
			all[a.Identity] = a
		}
		path := account.PathToSuperuser("a", members(lines...))
		if path == nil {
			return
		}
		at, seen := "a", map[string]bool{"a": true}
		for _, step := range path.Steps {
			follows := step.Role == account.PublicIdentity
			for _, m := range all[at].Memberships {
				follows = follows || m.Role == step.Role
			}
			if !follows || seen[step.Role] {
				t.Fatalf("%v: %s does not follow %s", lines, step.Role, at)
			}
			at, seen[step.Role] = step.Role, true
		}
		if !all[at].Superuser {
			t.Fatalf("%v: %s is no superuser", lines, at)
		}
	})
}
