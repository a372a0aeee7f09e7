package collectortest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/session"
)

// testAccounts runs what can share one server: each case only adds to it.
func testAccounts(t *testing.T, h Harness) {
	t.Helper()
	server := h.Start(t)
	target := server.Target()
	t.Run("empty server", func(t *testing.T) {
		s := readComplete(t, h, target)
		byName(t, s, target.Username)
		checkServer(t, s)
	})
	t.Run("login is told once", func(t *testing.T) {
		calls := 0
		_, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), target, patient(), func(context.Context) { calls++ })
		if err != nil || calls != 1 {
			t.Errorf("told %d times, want once (%v)", calls, err)
		}
	})
	for name, test := range map[string]func(*testing.T, Harness, Server){
		"hostile names":     testHostileNames,
		"case of names":     testCase,
		"expired and roles": testExpired,
		"chains and loops":  testLoops,
		"too many accounts": testTooMany,
		"too many bytes":    testTooManyBytes,
		"stable":            testStable,
	} {
		t.Run(name, func(t *testing.T) { test(t, h, server) })
	}
}

func checkServer(t testing.TB, s account.Snapshot) {
	t.Helper()
	if s.Server.Flavour == "" || s.Server.Version == "" || s.Server.Identity == "" {
		t.Errorf("server does not say who it is: %+v", s.Server)
	}
}

// HostileNames are names that break what is put together from texts.
func HostileNames() []string {
	return []string{
		`'; DROP TABLE canary.canary; --`, `"; DROP TABLE canary.canary; --`, "`; DROP TABLE canary.canary; --`",
		`'`, `''`, `"`, `""`, "`", `\`, `\\`, `\'`, `%`, `%s%n%d`, `_`, `a b`, ` a`, `a,b`, `a=b`, `{a}`, `a/b`, `a.b`, `a@b`,
		`$1`, `$$`, `?`, `:x`, `--`, `/*`, `#`, `;`, "a\nb", "a\tb", "a\rb", "\x01", "\x7f", `<script>alert(1)</script>`,
		"zażółć", "имя", "名前", "🐘", "e\u0301", "\u202e", "NULL", "null", "true", "0", "select",
	}
}

// testHostileNames expects every name back as it was given.
func testHostileNames(t *testing.T, h Harness, server Server) {
	t.Helper()
	server.Exec(t, "", h.SQL.CreateTable("canary", "canary")...)
	takes := func(name string) bool { return h.SQL.Takes == nil || h.SQL.Takes(name) }
	refused := func(name string) bool { return !takes(name) }
	names := append(HostileNames(), strings.Repeat("x", h.SQL.NameBytes), strings.Repeat("é", h.SQL.NameBytes/2))
	names = slices.DeleteFunc(names, refused)
	for _, name := range names {
		server.Exec(t, "", h.SQL.CreateUser(name))
		server.Exec(t, "", h.SQL.CreateTable(name, name)...)
		server.Exec(t, "", h.SQL.GrantSelect(name, name, name))
	}
	databases := []string{`d'; DROP TABLE canary.canary; --`, `d"%s\`, "d🐘 x=y"}
	for _, name := range slices.DeleteFunc(databases, refused) {
		server.Exec(t, "", h.SQL.CreateDatabase(name))
	}
	s := readComplete(t, h, server.Target())
	for _, name := range names {
		a := byName(t, s, name)
		if !slices.ContainsFunc(a.Grants, func(g account.Grant) bool {
			return g.Schema == name && g.Object == name && slices.Contains(g.Privileges, "SELECT")
		}) {
			t.Errorf("%q has no SELECT on the table of its name: %+v", name, a.Grants)
		}
	}
	server.Exec(t, "", h.SQL.GrantSelect("canary", "canary", "a b")) // it is still there
}

func testCase(t *testing.T, h Harness, server Server) {
	t.Helper()
	for _, name := range []string{"casing", "Casing", "CASING"} {
		server.Exec(t, "", h.SQL.CreateUser(name))
	}
	s := readComplete(t, h, server.Target())
	ids := map[string]bool{}
	for _, name := range []string{"casing", "Casing", "CASING"} {
		ids[byName(t, s, name).Identity] = true
	}
	if len(ids) != 3 {
		t.Errorf("%d identities, want 3", len(ids))
	}
}

func testExpired(t *testing.T, h Harness, server Server) {
	t.Helper()
	server.Exec(t, "", h.SQL.CreateUser("expired"), h.SQL.ExpireUser("expired"),
		h.SQL.CreateUser("lasting"), h.SQL.CreateRole("group"))
	s := readComplete(t, h, server.Target())
	expired := byName(t, s, "expired")
	want := time.Date(2001, 2, 3, 0, 0, 0, 0, time.UTC)
	if expired.ValidUntil == nil || !expired.ValidUntil.Equal(want) {
		t.Errorf("valid until %v, want %v", expired.ValidUntil, want)
	}
	if a := byName(t, s, "lasting"); a.ValidUntil != nil || !a.CanLogin || a.Kind != account.User {
		t.Errorf("a user for ever is read as %+v", a)
	}
	if a := byName(t, s, "group"); a.CanLogin || a.Kind != account.Role {
		t.Errorf("a role is read as %+v", a)
	}
}

// testLoops makes a chain of roles, and a ring of those who may hand out each
// other as far as the engine lets them.
func testLoops(t *testing.T, h Harness, server Server) {
	t.Helper()
	const links = 30
	name := func(i int) string { return fmt.Sprintf("chain%d", i) }
	for i := range links {
		server.Exec(t, "", h.SQL.CreateRole(name(i)))
	}
	for i := 1; i < links; i++ {
		server.Exec(t, "", h.SQL.GrantRole(name(i-1), name(i)))
	}
	server.Exec(t, "", h.SQL.CreateRole("apart"), h.SQL.GrantAdmin(name(0), "apart"))
	s := readComplete(t, h, server.Target())
	for i := 1; i < links; i++ {
		parent := byName(t, s, name(i-1)).Identity
		if m := byName(t, s, name(i)).Memberships; len(m) != 1 || m[0].Role != parent || m[0].Admin {
			t.Errorf("%s is a member of %+v, want of %s", name(i), m, parent)
		}
	}
	if m := byName(t, s, "apart").Memberships; len(m) != 1 || !m[0].Admin {
		t.Errorf("memberships with admin option: %+v", m)
	}
}

func testTooMany(t *testing.T, h Harness, server Server) {
	t.Helper()
	limits := patient()
	limits.MaxAccounts = 3
	s, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), server.Target(), limits, nil)
	wantFault(t, err, session.CodeTooLarge, "")
	wantNothing(t, s)
}

func testTooManyBytes(t *testing.T, h Harness, server Server) {
	t.Helper()
	dialer := loopback(t)
	dialer.MaxBytes = 3000
	s, err := h.NewReader(t, dialer).ReadAccounts(t.Context(), server.Target(), patient(), nil)
	wantFault(t, err, session.CodeTooLarge, "")
	wantNothing(t, s)
}

// testStable expects two reads of one state to be the same.
func testStable(t *testing.T, h Harness, server Server) {
	t.Helper()
	hashes := func() []string {
		var all []string
		for _, a := range readComplete(t, h, server.Target()).Accounts {
			_, hash, err := account.Encode(a)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%s %x", a.Identity, hash))
		}
		slices.SortFunc(all, cmp.Compare)
		return all
	}
	if one, two := hashes(), hashes(); !slices.Equal(one, two) {
		t.Errorf("two reads differ:\n%v\n%v", one, two)
	}
}

func wantNothing(t testing.TB, s account.Snapshot) {
	t.Helper()
	if len(s.Accounts) > 0 || len(s.Gaps) > 0 {
		t.Errorf("a failed read returns %d accounts and %d gaps, want none", len(s.Accounts), len(s.Gaps))
	}
}
