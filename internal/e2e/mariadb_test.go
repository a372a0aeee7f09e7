package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// documented returns the statements that the engine's page has for MariaDB, with
// the tests' password.
func documented(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/engines/mysql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```sql\n")
	block, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the page has no statements")
	}
	block = strings.Replace(block, "'…'", "'"+targetPassword+"'", 1)
	return strings.Split(strings.TrimSuffix(strings.TrimSpace(block), ";"), ";\n")
}

// One session reads servers of two engines, MariaDB by the account that the
// documentation makes, and finds one change of one account.
func TestSessionSyncsTwoEngines(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.store.Serves[session.Account] = append(c.store.Serves[session.Account], "mysql")
	maria := testdb.MariaDB(t, localsvc.MariaDBOptions{})
	if err := maria.Exec(t.Context(), "", documented(t)...); err != nil {
		t.Fatal(err)
	}
	cred := c.addCredential("targets", targetPassword)
	c.addInstances(2, "pg", "127.0.0.1", c.target.Port(), cred, "")
	c.addInstances(2, "maria", "127.0.0.1", maria.Port(), cred, "")
	if _, err := c.pool.Exec(t.Context(), "UPDATE instances SET engine = 'mysql' WHERE name LIKE 'maria%'"); err != nil {
		t.Fatal(err)
	}
	c.start("scheduler")
	c.start("worker")
	if s := c.awaitEnd(c.startSession(), sessionLimit); s.Result != session.Succeeded || s.Counts.Completed != 4 {
		t.Fatalf("session ended %s with %+v", s.Result, s.Counts)
	}
	if err := maria.Exec(t.Context(), "", "GRANT PROCESS ON *.* TO dbfleet"); err != nil {
		t.Fatal(err)
	}
	if s := c.awaitEnd(c.startSession(), sessionLimit); s.Result != session.Succeeded {
		t.Fatalf("session ended %s with %+v", s.Result, s.Counts)
	}
	changed := scan[string](c, `SELECT string_agg(a.identity, ',') FROM account_versions v JOIN accounts a ON a.id = v.account_id
		WHERE v.change = 'changed'`)
	if changed != "dbfleet@%,dbfleet@%" {
		t.Errorf("changed: %s, want dbfleet@%% on both instances", changed)
	}
}
