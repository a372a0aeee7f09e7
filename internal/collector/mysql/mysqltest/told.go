package mysqltest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/account"
)

// Told returns what was read or stored about the account's roles and privileges,
// in the lines of Shown. What Shown has no line for stands in one of its own, so
// that it is seen.
func Told(a account.Account) []string {
	var all []string
	for _, g := range a.Grants {
		all = append(all, toldGrant(g)...)
	}
	for _, m := range a.Memberships {
		role := accountName(Split(m.Role))
		all = append(all, "ROLE "+role)
		if m.Admin {
			all = append(all, "ADMIN OF "+role)
		}
		if m.Default != nil && *m.Default {
			all = append(all, "DEFAULT "+role)
		}
	}
	for _, setting := range settings(a) {
		if role, ok := strings.CutPrefix(setting, "default_role="); ok {
			all = append(all, "DEFAULT "+accountName(Split(role)))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func settings(a account.Account) []string {
	list, _ := a.Attributes[account.AttributeSettings].([]string)
	return list
}

func toldGrant(g account.Grant) []string {
	object := place(g)
	if plain := (account.Grant{
		Type: g.Type, Schema: g.Schema, Object: g.Object, Column: g.Column,
		Privileges: g.Privileges, Grantable: g.Grantable, Source: account.Explicit,
	}); fmt.Sprint(plain) != fmt.Sprint(g) || len(g.Grantable) > 0 && !slices.Equal(g.Grantable, g.Privileges) {
		return []string{fmt.Sprintf("%+v", g)} // nothing that SHOW GRANTS could tell
	}
	var all []string
	for _, p := range g.Privileges {
		if p == "GRANT OPTION" {
			continue // it is told below
		}
		if g.Column != "" {
			p += fmt.Sprintf(" (%q)", g.Column)
		}
		all = append(all, p+" ON "+object)
	}
	if len(g.Grantable) > 0 {
		all = append(all, "GRANT OPTION ON "+object)
	}
	return all
}

func place(g account.Grant) string {
	switch g.Type {
	case "server":
		return "*.*"
	case "database":
		return fmt.Sprintf("%q.*", g.Object)
	case "table", "column":
		return fmt.Sprintf("%q.%q", g.Schema, g.Object)
	case "proxy":
		return accountName(Split(g.Object))
	}
	kind := strings.ToUpper(strings.ReplaceAll(g.Type, "_", " "))
	return fmt.Sprintf("%s %q.%q", kind, g.Schema, strings.ToLower(g.Object)) // SHOW GRANTS tells it so, however it is stored
}

// Split returns the user and the host of an identity.
func Split(identity string) (user, host string) {
	var b strings.Builder
	for i := 0; i < len(identity); i++ {
		switch {
		case identity[i] == '\\' && i+1 < len(identity):
			i++
		case identity[i] == '@':
			return b.String(), identity[i+1:]
		}
		b.WriteByte(identity[i])
	}
	return b.String(), ""
}
