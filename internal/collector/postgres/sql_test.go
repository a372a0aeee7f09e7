package postgres

import (
	"regexp"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
)

func TestStatementsOnlyReadAndNeverPasswords(t *testing.T) {
	t.Parallel()
	secrets := regexp.MustCompile(`(?i)rolpassword|passwd|pg_authid|pg_shadow|pg_user\b|umoptions|pg_user_mapping`)
	collectortest.WantSelects(t, collectortest.Statements(t), secrets, "grantsClose")
}

// TestStatementsAreMadeOfConstants looks at every place that runs one.
func TestStatementsAreMadeOfConstants(t *testing.T) {
	t.Parallel()
	constants := collectortest.Statements(t)
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
