package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestImportsFollowTheTable(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, fault := range faults(s) {
			t.Errorf("%s: %s", s.name, fault)
		}
	}
}

// A misspelt name would permit nothing, and nobody would know why.
func TestTableNamesOnlyItsOwnPackages(t *testing.T) {
	t.Parallel()
	for name, users := range onlyFor {
		for _, dir := range append(slices.Clone(users), name) {
			if _, ok := packages[dir]; !ok {
				t.Errorf("onlyFor names %s, which has no line", dir)
			}
		}
	}
	for name, users := range libraries {
		for _, dir := range users {
			if _, ok := packages[dir]; !ok {
				t.Errorf("libraries: %s names %s, which has no line", name, dir)
			}
		}
	}
}

// A line that outlives its package would let the next one of that name in
// unseen.
func TestTableHasNoLineWithoutAPackage(t *testing.T) {
	t.Parallel()
	exists := map[string]bool{}
	for _, s := range sources(t) {
		exists[s.dir] = true
	}
	for dir := range packages {
		if !exists[dir] {
			t.Errorf("the table has a line for %s, which does not exist", dir)
		}
	}
}

// faults returns what is wrong with one file, by the table.
func faults(s source) []string {
	from, ok := packages[s.dir]
	if !ok {
		return []string{fmt.Sprintf("package %s is not in the table of archtest", s.dir)}
	}
	var found []string
	for _, imported := range s.imports {
		var fault string
		if inModule, ok := strings.CutPrefix(imported, module+"/"); ok {
			fault = faultOfOwn(s, from, inModule)
		} else {
			fault = faultOfLibrary(s, from, imported)
		}
		if fault != "" {
			found = append(found, fault)
		}
	}
	for _, call := range s.calls {
		if !s.test && !slices.Contains(calls[call], s.dir) {
			found = append(found, fmt.Sprintf("%s belongs to %s", call, strings.Join(calls[call], ", ")))
		}
	}
	return found
}

// faultOfOwn judges the import of a package of this module.
func faultOfOwn(s source, from rule, imported string) string {
	to, ok := packages[imported]
	switch {
	case imported == s.dir: // an external test of the package
		return ""
	case !ok:
		return fmt.Sprintf("import of %s, which is not in the table of archtest", imported)
	case slices.Contains(from.also, imported):
		return ""
	case s.test && (to.group == tests || to.group == leaf || slices.Contains(from.tests, imported)):
		return ""
	}
	if users, limited := onlyFor[imported]; limited && from.group != tests && !slices.Contains(users, s.dir) {
		return fmt.Sprintf("import of %s, which is for %s only", imported, strings.Join(users, ", "))
	}
	if (to.group == leaf && from.group != leaf) || slices.Contains(mayImport[from.group], to.group) {
		return ""
	}
	return fmt.Sprintf("%s may not import %s", s.dir, imported)
}

// faultOfLibrary judges the import of a package from outside the module.
func faultOfLibrary(s source, from rule, imported string) string {
	if s.test || from.group == tests {
		return ""
	}
	external := strings.Contains(strings.SplitN(imported, "/", 2)[0], ".")
	if from.group == domain && external && !slices.Contains(domainLibraries, imported) {
		return fmt.Sprintf("a domain package may not import %s", imported)
	}
	if from.group == domain && slices.Contains(domainForbids, imported) {
		return fmt.Sprintf("a domain package does no I/O: %s", imported)
	}
	for library, users := range libraries {
		if (imported == library || strings.HasPrefix(imported, library+"/")) && !slices.Contains(users, s.dir) {
			return fmt.Sprintf("%s belongs to %s", imported, strings.Join(users, ", "))
		}
	}
	return ""
}

func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	own := func(dir string) string { return module + "/" + dir }
	for name, c := range map[string]struct {
		file source
		want string // part of the only fault; "" wants none
	}{
		"domain imports leaf":            {source{dir: "internal/user", imports: []string{own("internal/invalid")}}, ""},
		"domain imports store":           {source{dir: "internal/user", imports: []string{own("internal/store")}}, "may not import"},
		"domain imports its neighbour":   {source{dir: "internal/session", imports: []string{own("internal/fleet")}}, ""},
		"domain imports back":            {source{dir: "internal/fleet", imports: []string{own("internal/session")}}, "may not import"},
		"domain imports pgx":             {source{dir: "internal/user", imports: []string{"github.com/jackc/pgx/v5"}}, "a domain package"},
		"domain imports net/http":        {source{dir: "internal/user", imports: []string{"net/http"}}, "no I/O"},
		"motion imports adapter":         {source{dir: "internal/runner", imports: []string{own("internal/store")}}, "may not import"},
		"adapter imports adapter":        {source{dir: "internal/queue", imports: []string{own("internal/store")}}, "may not import"},
		"adapter imports wiring":         {source{dir: "internal/queue", imports: []string{own("internal/app")}}, "may not import"},
		"store imports dbq":              {source{dir: "internal/store", imports: []string{own("internal/dbq")}}, ""},
		"app imports dbq":                {source{dir: "internal/app", imports: []string{own("internal/dbq")}}, "only"},
		"leaf imports domain":            {source{dir: "internal/secret", imports: []string{own("internal/user")}}, "may not import"},
		"leaf imports leaf":              {source{dir: "internal/secret", imports: []string{own("internal/config")}}, "may not import"},
		"runner imports asynq":           {source{dir: "internal/runner", imports: []string{"github.com/hibiken/asynq"}}, "belongs to"},
		"queue imports asynq":            {source{dir: "internal/queue", imports: []string{"github.com/hibiken/asynq"}}, ""},
		"test uses testdb":               {source{dir: "internal/store", test: true, imports: []string{own("internal/testdb")}}, ""},
		"code uses testdb":               {source{dir: "internal/store", imports: []string{own("internal/testdb")}}, "may not import"},
		"test of the API uses the store": {source{dir: "internal/httpapi", test: true, imports: []string{own("internal/store")}}, ""},
		"the API uses the store":         {source{dir: "internal/httpapi", imports: []string{own("internal/store")}}, "may not import"},
		"environment in a handler":       {source{dir: "internal/httpapi", calls: []string{"os.Getenv"}}, "belongs to"},
		"new package":                    {source{dir: "internal/utils"}, "not in the table"},
		"import of a new package":        {source{dir: "internal/store", imports: []string{own("internal/utils")}}, "not in the table"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(faults(c.file), "; ")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("faults %q, want %q", got, c.want)
			}
		})
	}
}
