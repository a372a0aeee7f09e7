package livepg

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/account"
)

// A step is one statement, and the versions that a read after it stores: one line
// each, of the account, the change and the parts of the diff.
type step struct {
	name string
	do   string
	want []string
}

// TestOneStatementIsOneVersionOfOneAccount runs statements one after the other. A
// second read after each finds nothing.
func TestOneStatementIsOneVersionOfOneAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(t, "", "CREATE ROLE olga", "CREATE ROLE alice LOGIN", "CREATE ROLE bob LOGIN", "CREATE ROLE carol LOGIN", "CREATE DATABASE app OWNER olga")
	s.exec(t, "app", "CREATE SCHEMA s AUTHORIZATION olga", "CREATE TABLE s.t (a int, b int)", "ALTER TABLE s.t OWNER TO olga",
		"CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "GRANT USAGE ON SCHEMA s TO alice", "GRANT SELECT ON s.t TO alice WITH GRANT OPTION")
	s.sync(t)
	for _, steps := range [][]step{roleSteps(), grantSteps(), ownerSteps()} {
		for _, step := range steps {
			s.take(t, step)
		}
	}
}

// roleSteps change roles, their memberships and settings.
func roleSteps() []step {
	return []step{
		{"create", "CREATE ROLE zoe LOGIN", []string{"zoe created"}},
		{"lock", "ALTER ROLE zoe NOLOGIN", []string{"zoe changed fields can_login kind"}},
		{"unlock", "ALTER ROLE zoe LOGIN", []string{"zoe changed fields can_login kind"}},
		{"validity", "ALTER ROLE zoe VALID UNTIL '2033-01-01'", []string{"zoe changed fields valid_until"}},
		{"validity ended", "ALTER ROLE zoe VALID UNTIL 'infinity'", []string{"zoe changed fields valid_until"}},
		{"attribute", "ALTER ROLE zoe CREATEDB", []string{"zoe changed attributes createdb"}},
		{"connection limit", "ALTER ROLE zoe CONNECTION LIMIT 3", []string{"zoe changed attributes connection_limit"}},
		{"superuser", "ALTER ROLE zoe SUPERUSER", []string{"zoe changed fields superuser"}},
		{"password", "ALTER ROLE zoe PASSWORD 'new-Pa55word'", nil},
		{"role granted", "GRANT olga TO zoe", []string{"zoe changed memberships +1"}},
		{"admin option", "GRANT olga TO zoe WITH ADMIN OPTION", []string{"zoe changed memberships ~1"}},
		{"admin option taken", "REVOKE ADMIN OPTION FOR olga FROM zoe", []string{"zoe changed memberships ~1"}},
		{"default role", "ALTER ROLE zoe SET role = olga", []string{"zoe changed attributes settings"}},
		{"default role of one database", "ALTER ROLE zoe IN DATABASE app SET role = olga", []string{"zoe changed attributes settings"}},
		{"another default role", "ALTER ROLE zoe SET role = alice", []string{"zoe changed attributes settings"}},
		{"no default role", "ALTER ROLE zoe RESET ALL", []string{"zoe changed attributes settings"}},
		{"role revoked", "REVOKE olga FROM zoe", []string{"zoe changed memberships -1"}},
		{"drop", "DROP ROLE zoe", []string{"zoe disappeared"}},
		{"created again", "CREATE ROLE zoe", []string{"zoe created"}},
		{"dropped again", "DROP ROLE zoe", []string{"zoe disappeared"}},
	}
}

// grantSteps give and take privileges.
func grantSteps() []step {
	return []step{
		{"grant", "GRANT SELECT ON s.t TO bob", []string{"bob changed grants +1"}},
		{"with grant option", "GRANT SELECT ON s.t TO bob WITH GRANT OPTION", []string{"bob changed grants +1"}},
		{"grant option taken", "REVOKE GRANT OPTION FOR SELECT ON s.t FROM bob", []string{"bob changed grants -1"}},
		{"by another", "SET ROLE alice; GRANT SELECT ON s.t TO bob; RESET ROLE", []string{"bob changed grants +1"}},
		{"revoke", "REVOKE SELECT ON s.t FROM bob", []string{"bob changed grants -1"}},
		{"column", "GRANT UPDATE (b) ON s.t TO bob", []string{"bob changed grants +1"}},
		{"column revoked", "REVOKE UPDATE (b) ON s.t FROM bob", []string{"bob changed grants -1"}},
		{"what everybody has", "REVOKE EXECUTE ON FUNCTION s.f() FROM PUBLIC", []string{"PUBLIC changed grants -1"}},
		{"what the owner has", "REVOKE DELETE ON s.t FROM olga", []string{"olga changed grants +1"}},
		{"database", "GRANT CREATE ON DATABASE app TO bob", []string{"bob changed grants +1"}},
		{"schema", "GRANT USAGE ON SCHEMA s TO bob", []string{"bob changed grants +1"}},
		{"parameter", "GRANT SET ON PARAMETER work_mem TO bob", []string{"bob changed grants +1"}},
		{"default privileges", "ALTER DEFAULT PRIVILEGES FOR ROLE olga GRANT SELECT ON TABLES TO bob", []string{"bob changed grants +1"}},
		{"default privileges of a schema", "ALTER DEFAULT PRIVILEGES FOR ROLE olga IN SCHEMA s GRANT SELECT ON TABLES TO bob", []string{"bob changed grants +1"}},
		{"default privileges taken", "ALTER DEFAULT PRIVILEGES FOR ROLE olga REVOKE SELECT ON TABLES FROM bob", []string{"bob changed grants -1"}},
		{"what is there already", "GRANT USAGE ON SCHEMA s TO bob", nil},
		{"what the owner has anyway", "GRANT ALL ON SCHEMA s TO olga", nil},
	}
}

// ownerSteps give objects away. The old and the new owner change, and whoever has
// privileges from the owner: the new one is their grantor. Bob's are from alice.
func ownerSteps() []step {
	return []step{
		{"object without grants", "ALTER FUNCTION s.f() OWNER TO carol", []string{"carol changed grants +1", "postgres changed grants -1"}},
		{"object with grants", "ALTER TABLE s.t OWNER TO carol", []string{
			"alice changed grants +1 -1", "carol changed grants +2", "olga changed grants -2",
		}},
		{"new object", "CREATE TABLE s.u (a int)", []string{"postgres changed grants +1"}},
		{"dropped object", "DROP TABLE s.u", []string{"postgres changed grants -1"}},
	}
}

// take runs one step and compares what it stores.
func (s *site) take(t *testing.T, step step) {
	t.Helper()
	last := s.lastVersion(t)
	s.exec(t, "app", step.do)
	items := s.sync(t)
	got := s.versionsSince(t, last)
	if diff := cmp.Diff(step.want, got); diff != "" {
		t.Errorf("%s: %s (-want +got):\n%s", step.name, step.do, diff)
	}
	if n := items.Created + items.Updated + items.Deleted; n != int64(len(got)) {
		t.Errorf("%s: the record counts %d changes, want %d", step.name, n, len(got))
	}
	if again := s.sync(t); again.Created+again.Updated+again.Deleted != 0 {
		t.Errorf("%s: a second read counts %+v", step.name, again)
	}
	if n := len(s.versionsSince(t, last)); n != len(got) {
		t.Errorf("%s: a second read stores %d versions", step.name, n-len(got))
	}
}

func (s *site) lastVersion(t *testing.T) account.VersionID {
	t.Helper()
	var id account.VersionID
	if err := s.pool.QueryRow(t.Context(), "SELECT max(id) FROM account_versions").Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// versionsSince writes the versions after one, sorted, as in
//
//	bob changed grants +1
func (s *site) versionsSince(t *testing.T, last account.VersionID) []string {
	t.Helper()
	rows, err := s.pool.Query(t.Context(), "SELECT account_id FROM account_versions WHERE id > $1", last)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[account.ID])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	var all []string
	for _, id := range slices.Compact(ids) {
		for _, v := range s.history(t, id) {
			if v.ID > last {
				all = append(all, s.nameOf(t, id)+" "+summary(v))
			}
		}
	}
	slices.Sort(all)
	return all
}

func (s *site) nameOf(t *testing.T, id account.ID) string {
	t.Helper()
	a, err := s.Account(t.Context(), id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a.Account.Name
}

// history returns the versions of an account, newest first.
func (s *site) history(t *testing.T, id account.ID) []account.Version {
	t.Helper()
	list, _, err := s.AccountHistory(t.Context(), id, 1000, 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// summary tells which parts of an account a version has changed.
func summary(v account.Version) string {
	words := []string{string(v.Change)}
	if v.Diff.Renamed != nil {
		words = append(words, "renamed")
	}
	for _, part := range []struct {
		name    string
		changes []account.FieldChange
	}{{"fields", v.Diff.Fields}, {"attributes", v.Diff.Attributes}} {
		if part.changes != nil {
			words = append(words, part.name)
		}
		for _, c := range part.changes {
			words = append(words, c.Name)
		}
	}
	if m := v.Diff.Memberships; m != nil {
		words = append(words, "memberships"+counts(len(m.Added), len(m.Removed), len(m.Changed)))
	}
	if g := v.Diff.Grants; g != nil {
		words = append(words, "grants"+counts(len(g.Added), len(g.Removed), 0))
	}
	return strings.Join(words, " ")
}

func counts(added, removed, changed int) string {
	var words string
	for _, c := range []struct {
		sign string
		n    int
	}{{"+", added}, {"-", removed}, {"~", changed}} {
		if c.n > 0 {
			words += fmt.Sprintf(" %s%d", c.sign, c.n)
		}
	}
	return words
}
