package collectortest

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Statements returns every constant of the package in the current folder that is a
// statement or a part of one, by its name.
func Statements(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	scope := scopeOfFolder(t)
	for _, name := range scope.Names() {
		c, ok := scope.Lookup(name).(*types.Const)
		if !ok || c.Val().Kind() != constant.String {
			continue
		}
		sql := constant.StringVal(c.Val())
		if strings.HasPrefix(strings.TrimSpace(sql), "SELECT") || strings.Contains(sql, "FROM ") {
			found[name] = sql
		}
	}
	if len(found) < 15 {
		t.Fatalf("only %d statements found", len(found))
	}
	return found
}

func scopeOfFolder(t testing.TB) *types.Scope {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	config := types.Config{Error: func(error) {}} // imports are not resolved
	checked, _ := config.Check("collector", set, files, nil)
	return checked.Scope()
}

var writes = regexp.MustCompile(
	`(?i);|\b(insert|update|delete|create|alter|drop|grant|revoke|set|copy|do|call|truncate|lock|into|load)\b`)

// WantSelects fails the test unless each statement is a single SELECT and none
// mentions a secret. Parts are the names of those that only end one.
func WantSelects(t testing.TB, statements map[string]string, secrets *regexp.Regexp, parts ...string) {
	t.Helper()
	literals := regexp.MustCompile(`'[^']*'`)
	for name, sql := range statements {
		if hit := secrets.FindString(sql); hit != "" {
			t.Errorf("%s mentions %s", name, hit)
		}
		if hit := writes.FindString(literals.ReplaceAllString(sql, "''")); hit != "" {
			t.Errorf("%s is no single SELECT: %s", name, hit)
		}
		if !strings.HasPrefix(strings.TrimSpace(sql), "SELECT") && !slices.Contains(parts, name) {
			t.Errorf("%s begins with %.20q", name, sql)
		}
	}
}
