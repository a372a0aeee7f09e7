package cli

import (
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/client"
)

// describeScopes prints grants by how far they reach.
func (a *app) describeScopes(scopes []client.GrantScope, names roleNames) {
	if len(scopes) == 0 {
		a.out.write("\nNo privileges of its own\n")
		return
	}
	a.out.write("\nPrivileges of its own (* may be granted on)\n")
	for _, scope := range scopes {
		a.out.printf("  %s\n", scopeTitle(scope))
		t := &table{indent: 4}
		for _, g := range scope.Grants {
			t.add(g.Type, orDash(grantObject(g)), privileges(g), remarks(g, names))
		}
		a.out.write(t.render(0))
	}
}

func scopeTitle(scope client.GrantScope) string {
	title := string(scope.Level)
	switch scope.Level {
	case client.GrantScopeLevelServer:
		title = "whole server"
	case client.GrantScopeLevelDatabase:
		title = "databases"
	case client.GrantScopeLevelSchema:
		title = "schemas"
	case client.GrantScopeLevelObject:
		title = "tables and other objects"
	case client.GrantScopeLevelColumn:
		title = "columns"
	case client.GrantScopeLevelRoutine:
		title = "routines"
	case client.GrantScopeLevelFuture:
		title = "what will be made"
	}
	if scope.Database != "" {
		title += " in database " + scope.Database
	}
	return title
}

// grantObject is schema.object.column, as far as the grant names them.
func grantObject(g client.Grant) string {
	var parts []string
	for _, part := range []*string{g.Schema, g.Object, g.Column} {
		if text(part) != "" {
			parts = append(parts, identifier(*part))
		}
	}
	return strings.Join(parts, ".")
}

// identifier quotes a name that could be taken for two.
func identifier(name string) string {
	if strings.Contains(name, "(") || !strings.ContainsAny(name, `."`) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func privileges(g client.Grant) string {
	var grantable []string
	if g.Grantable != nil {
		grantable = *g.Grantable
	}
	shown := make([]string, len(g.Privileges))
	for i, p := range g.Privileges {
		shown[i] = p
		if slices.Contains(grantable, p) {
			shown[i] += "*"
		}
	}
	return strings.Join(shown, ", ")
}

// remarks says what is special about a grant; nothing for a plain one.
func remarks(g client.Grant, names roleNames) string {
	var all []string
	if effect := text(g.Effect); effect != "" {
		all = append(all, strings.ToUpper(effect))
	}
	switch g.Source {
	case "explicit":
	case "owner":
		all = append(all, "as owner")
	case "default":
		all = append(all, "by default")
	default:
		all = append(all, g.Source)
	}
	if text(g.ForRole) != "" {
		all = append(all, "on what "+names.of(*g.ForRole)+" makes")
	}
	if text(g.Grantor) != "" {
		all = append(all, "by "+names.of(*g.Grantor))
	}
	if len(all) == 0 {
		return ""
	}
	return "(" + strings.Join(all, ", ") + ")"
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
