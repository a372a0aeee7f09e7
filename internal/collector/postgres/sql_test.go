package postgres

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// sqlConstants returns every constant of the package that is SQL.
func sqlConstants(t *testing.T) map[string]string {
	t.Helper()
	set := token.NewFileSet()
	isSource := func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }
	packages, err := parser.ParseDir(set, ".", isSource, 0) //nolint:staticcheck // the types of imports do not matter
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, f := range packages["postgres"].Files {
		files = append(files, f)
	}
	config := types.Config{Error: func(error) {}} // imports are not resolved
	checked, _ := config.Check("postgres", set, files, nil)
	found := map[string]string{}
	for _, name := range checked.Scope().Names() {
		c, ok := checked.Scope().Lookup(name).(*types.Const)
		if !ok || c.Val().Kind() != constant.String {
			continue
		}
		if sql := constant.StringVal(c.Val()); strings.Contains(sql, "SELECT ") || strings.Contains(sql, "FROM ") {
			found[name] = sql
		}
	}
	return found
}

func TestStatementsOnlyReadAndNeverPasswords(t *testing.T) {
	t.Parallel()
	found := sqlConstants(t)
	if len(found) < 15 {
		t.Fatalf("only %d statements found", len(found))
	}
	secrets := regexp.MustCompile(`(?i)rolpassword|passwd|pg_authid|pg_shadow|pg_user\b|umoptions|pg_user_mapping`)
	writes := regexp.MustCompile(`(?i);|\b(insert|update|delete|create|alter|drop|grant|revoke|set|copy|do|call|truncate|lock|into)\b`)
	for name, sql := range found {
		if hit := secrets.FindString(sql); hit != "" {
			t.Errorf("%s mentions %s", name, hit)
		}
		if hit := writes.FindString(withoutLiterals(sql)); hit != "" {
			t.Errorf("%s is no single SELECT: %s", name, hit)
		}
		if start := strings.TrimSpace(sql); !strings.HasPrefix(start, "SELECT") && name != "grantsClose" {
			t.Errorf("%s begins with %.20q", name, start)
		}
	}
}

func withoutLiterals(sql string) string {
	return regexp.MustCompile(`'[^']*'`).ReplaceAllString(sql, "''")
}

// TestStatementsAreMadeOfConstants looks at every place that runs one.
func TestStatementsAreMadeOfConstants(t *testing.T) {
	t.Parallel()
	constants := sqlConstants(t)
	for _, p := range append(databaseParts(), partDatabases(), partTablespaces(), partParameters()) {
		inner := strings.TrimSuffix(strings.TrimPrefix(p.sql, grantsOpen), grantsClose)
		known := false
		for _, sql := range constants {
			known = known || sql == inner
		}
		if !known {
			t.Errorf("%s is not made of one constant", p.name)
		}
	}
	var all []string
	for _, p := range databaseParts() {
		all = append(all, strings.TrimSuffix(strings.TrimPrefix(p.sql, grantsOpen), grantsClose))
	}
	if got, want := queryGrants().sql, grantsOpen+strings.Join(all, unionAll)+grantsClose; got != want {
		t.Error("the statement on all grants is not the sum of its parts")
	}
}
