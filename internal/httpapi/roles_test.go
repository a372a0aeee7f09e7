package httpapi_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/user"
)

var update = flag.Bool("update", false, "write testdata/roles.txt anew")

const rolesFile = "testdata/roles.txt"

// TestRoleTable sends every operation's own example with every role and
// compares who was refused with the table that people read. After a new
// operation: go test ./internal/httpapi -run TestRoleTable -update
func TestRoleTable(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	rows := make([]string, 0, len(calls(t)))
	for _, c := range calls(t) {
		path, body := c.example(t)
		row := fmt.Sprintf("%-62s", c.method+" "+c.path)
		for _, role := range append([]user.Role{""}, user.Roles()...) {
			a := b.do(t, request{role: role, method: c.method, path: path, body: body, media: c.media()})
			row += fmt.Sprintf(" %-9s", verdict(a.status))
		}
		rows = append(rows, strings.TrimRight(row, " ")+"\n")
	}
	slices.Sort(rows)
	got := fmt.Sprintf("%-62s %-9s %-9s %-9s %s\n", "# operation", "anonymous", "viewer", "operator", "admin") + strings.Join(rows, "")
	if *update {
		if err := os.WriteFile(rolesFile, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(rolesFile)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	for line := range strings.Lines(got) {
		if !strings.Contains(string(want), line) {
			t.Errorf("not in %s: %s", rolesFile, line)
		}
	}
	for line := range strings.Lines(string(want)) {
		if !strings.Contains(got, line) {
			t.Errorf("only in %s: %s", rolesFile, line)
		}
	}
}

// verdict tells whether the role was enough; how the request went on is
// another test's business.
func verdict(status int) string {
	if status == 401 || status == 403 {
		return fmt.Sprint(status)
	}
	return "ok"
}
