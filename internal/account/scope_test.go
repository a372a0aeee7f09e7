package account_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
)

func TestScopesGoFromWideToNarrow(t *testing.T) {
	t.Parallel()
	grants := []account.Grant{
		{Type: "table", Database: "b", Schema: "s", Object: "t"},
		{Type: "default_privileges", Database: "a"},
		{Type: "column", Database: "a", Schema: "s", Object: "t", Column: "c"},
		{Type: "database", Object: "b"},
		{Type: "table", Database: "a", Schema: "s", Object: "t"},
		{Type: "server"},
		{Type: "partial_revoke", Object: "a"},
		{Type: "view", Database: "a", Schema: "s", Object: "v"},
		{Type: "procedure", Schema: "mysql_db", Object: "p"},
		{Type: "table", Schema: "mysql_db", Object: "t"},
		{Type: "schema", Database: "a", Object: "s"},
		{Type: "something new", Database: "b"},
	}
	var got []string
	for _, s := range account.Scopes(grants) {
		got = append(got, fmt.Sprintf("%s %s %d", s.Level, s.Database, len(s.Grants)))
	}
	want := "server  1, database  2, schema a 1, object a 2, object b 2, object mysql_db 1, column a 1, routine mysql_db 1, future a 1"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if account.Scopes(nil) != nil {
		t.Error("no grants have a scope")
	}
}
