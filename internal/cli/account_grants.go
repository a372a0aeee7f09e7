package cli

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/client"
)

// describeGrants prints grants by database, those of the whole server first.
func (a *app) describeGrants(grants []client.Grant, names roleNames) {
	if len(grants) == 0 {
		a.out.write("\nNo privileges\n")
		return
	}
	sorted := slices.Clone(grants)
	slices.SortStableFunc(sorted, func(x, y client.Grant) int {
		return cmp.Or(
			strings.Compare(text(x.Database), text(y.Database)),
			strings.Compare(x.Type, y.Type),
			strings.Compare(grantObject(x), grantObject(y)),
		)
	})
	a.out.write("\nPrivileges (* may be granted on)\n")
	for len(sorted) > 0 {
		database := text(sorted[0].Database)
		end := slices.IndexFunc(sorted, func(g client.Grant) bool { return text(g.Database) != database })
		if end < 0 {
			end = len(sorted)
		}
		a.describeScope(database, sorted[:end], names)
		sorted = sorted[end:]
	}
}

func (a *app) describeScope(database string, grants []client.Grant, names roleNames) {
	if database == "" {
		a.out.write("  whole server\n")
	} else {
		a.out.printf("  database %s\n", database)
	}
	t := &table{indent: 4}
	for _, g := range grants {
		t.add(g.Type, orDash(grantObject(g)), privileges(g), remarks(g, names))
	}
	a.out.write(t.render(0))
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
