package livepg

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
)

// A book has the lines about each account. Both sides write them in one form.
type book map[who][]string

func (b book) add(w who, format string, args ...any) {
	b[w] = append(b[w], fmt.Sprintf(format, args...))
}

// sorted returns the lines about one account.
func (b book) sorted(w who) []string { return slices.Sorted(slices.Values(b[w])) }

// A grantLine is one privilege of one account.
type grantLine struct {
	place
	privilege      string
	grantable      bool
	grantor        who
	source, effect string
}

func (l grantLine) String() string {
	words := []string{l.kind, "of " + cmp.Or(l.database, "the server")}
	if l.schema != "" {
		words = append(words, "schema "+quote(l.schema))
	}
	words = append(words, quote(l.name))
	if l.column != "" {
		words = append(words, "column "+quote(l.column))
	}
	privilege := l.privilege
	if l.grantable {
		privilege += " WITH GRANT OPTION"
	}
	words = append(words, privilege, l.source)
	for _, optional := range []struct{ before, text string }{
		{"by ", l.grantor.String()}, {"for objects of ", l.forRole.String()}, {"", l.effect},
	} {
		if optional.text != "" {
			words = append(words, optional.before+optional.text)
		}
	}
	return strings.Join(words, " ")
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// storedBook writes what the store holds.
func storedBook(t *testing.T, accounts []account.Detail) book {
	t.Helper()
	b := book{}
	for _, a := range accounts {
		w := who(a.Account.Name)
		if a.Account.Kind == account.Public {
			w = everybody
		}
		if b[w] != nil {
			t.Errorf("two accounts are called %q", w)
		}
		b[w] = []string{}
		b.addRole(w, a.Account)
		b.addSettings(w, a.Account)
		for _, m := range a.Account.Memberships {
			b.addMembership(w, who(a.Names[m.Role]), who(a.Names[m.Grantor]), m.Admin)
		}
		for _, g := range a.Account.Grants {
			b.addGrant(w, g, a.Names)
		}
	}
	return b
}

// isPredefined reports whether the server keeps the role itself; its tools leave
// it out but for grants and memberships.
func (w who) isPredefined() bool { return w == everybody || strings.HasPrefix(string(w), "pg_") }

func (b book) addRole(w who, a account.Account) {
	if w.isPredefined() {
		return
	}
	b.add(w, "login %v", a.CanLogin)
	b.add(w, "superuser %v", a.Superuser)
	for _, name := range []string{"inherit", "createrole", "createdb", "replication", "bypassrls"} {
		b.add(w, "%s %v", name, a.Attributes[name])
	}
	if limit, given := a.Attributes["connection_limit"]; given {
		b.add(w, "connection limit %v", limit)
	}
	if a.ValidUntil != nil {
		b.add(w, "valid until %s", a.ValidUntil.Format(time.RFC3339Nano))
	}
}

func (b book) addSettings(w who, a account.Account) {
	settings, _ := a.Attributes[account.AttributeSettings].([]string)
	for _, s := range settings {
		if before, list, found := strings.Cut(s, "search_path="); found {
			s = before + "search_path=" + namesOf(list)
		}
		b.add(w, "setting %s", s)
	}
}

// namesOf reads a list of names that are quoted where they must be.
func namesOf(list string) string {
	var names []string
	for _, t := range split(list)[0] {
		if t.kind != sign {
			names = append(names, t.text)
		}
	}
	return strings.Join(names, "|")
}

func (b book) addMembership(w, role, grantor who, admin bool) {
	if w.isPredefined() && role.isPredefined() {
		return // initdb made it, and no tool tells
	}
	option := ""
	if admin {
		option = " with admin option"
	}
	b.add(w, "member of %s by %s%s", role, grantor, option)
}

func (b book) addGrant(w who, g account.Grant, names map[string]string) {
	for _, privilege := range g.Privileges {
		b.add(w, "%s", grantLine{
			place: place{
				kind: kindOf(g.Type, g.Schema), database: g.Database, schema: g.Schema,
				name: g.Object, column: g.Column, forRole: who(names[g.ForRole]),
			},
			privilege: privilege, grantable: slices.Contains(g.Grantable, privilege),
			grantor: who(names[g.Grantor]), source: string(g.Source), effect: string(g.Effect),
		})
	}
}

// kindOf returns a kind as a dump tells it: of what is in pg_catalog it does not
// tell views from tables, nor the kinds of routines and types.
func kindOf(kind, schema string) string {
	if schema != "pg_catalog" {
		return kind
	}
	switch kind {
	case "view":
		return "table"
	case "procedure", "aggregate":
		return "function"
	case "domain":
		return "type"
	}
	return kind
}
