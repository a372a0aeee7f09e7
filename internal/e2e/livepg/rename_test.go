package livepg

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
)

// TestRenameOfARoleIsOneVersionOfIt renames a role to which others refer in every
// way: it owns objects, is a member and has members, has granted roles and
// privileges to others, makes objects with default privileges, and has settings.
func TestRenameOfARoleIsOneVersionOfIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(t, "", "CREATE ROLE hub LOGIN CREATEROLE", "CREATE ROLE parent", "CREATE ROLE member LOGIN", "CREATE ROLE other LOGIN",
		"GRANT parent TO hub WITH ADMIN OPTION", "GRANT hub TO member", "SET ROLE hub; GRANT parent TO other; RESET ROLE",
		"CREATE DATABASE app OWNER hub", "ALTER ROLE other SET role = parent", "ALTER ROLE hub IN DATABASE app SET work_mem = '8MB'",
		"GRANT CREATE ON DATABASE app TO other")
	s.exec(t, "app", "CREATE SCHEMA s AUTHORIZATION hub", "CREATE TABLE s.t (a int)", "ALTER TABLE s.t OWNER TO hub",
		"CREATE TABLE s.u (a int)", "GRANT USAGE ON SCHEMA s TO PUBLIC", "GRANT SELECT ON s.u TO hub WITH GRANT OPTION",
		"SET ROLE hub; GRANT SELECT ON s.t, s.u TO member, PUBLIC; RESET ROLE",
		"ALTER DEFAULT PRIVILEGES FOR ROLE hub GRANT SELECT ON TABLES TO other", "ALTER DEFAULT PRIVILEGES FOR ROLE hub REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
	s.sync(t)
	id := s.find(t, "hub").ID
	for _, names := range [][2]string{{"hub", `The "hub"`}, {`The "hub"`, "hub"}} {
		s.take(t, step{"rename", "ALTER ROLE " + quote(names[0]) + " RENAME TO " + quote(names[1]), []string{names[1] + " changed renamed"}})
		newest := s.history(t, id)[0]
		want := account.Diff{Renamed: &account.Rename{From: names[0], To: names[1]}}
		if diff := cmp.Diff(want, newest.Diff); diff != "" {
			t.Errorf("diff of the version (-want +got):\n%s", diff)
		}
		if found := s.find(t, names[1]); found.ID != id {
			t.Errorf("after the rename %q is account %d, want %d", names[1], found.ID, id)
		}
		s.wantGrantor(t, "member", names[1])
	}
	history := s.history(t, id)
	slices.Reverse(history)
	for i, v := range history[1:] {
		if before := history[i]; before.ValidTo == nil || !before.ValidTo.Equal(v.ValidFrom) {
			t.Errorf("version %d begins at %v, the one before ends at %v", i+1, v.ValidFrom, before.ValidTo)
		}
	}
	if len(history) != 3 || history[0].Change != account.Created || history[2].ValidTo != nil {
		t.Errorf("%d versions, the first %s", len(history), history[0].Change)
	}
}

// wantGrantor checks that what one role has granted to another is told with the
// name that it has now.
func (s *site) wantGrantor(t *testing.T, grantee, grantor string) {
	t.Helper()
	a := s.find(t, grantee)
	if !slices.ContainsFunc(a.Account.Grants, func(g account.Grant) bool { return a.Names[g.Grantor] == grantor }) {
		t.Errorf("%s has nothing from %q: %+v", grantee, grantor, a.Account.Grants)
	}
}

// find returns the living account of that name.
func (s *site) find(t *testing.T, name string) account.Detail {
	t.Helper()
	all := s.stored(t)
	i := slices.IndexFunc(all, func(a account.Detail) bool { return a.Account.Name == name })
	if i < 0 {
		t.Fatalf("no account is called %q", name)
	}
	return all[i]
}

// TestRenameOfAnObjectIsAVersionOfAllWhoHaveIt: an object is known by its name, so
// that everybody with a privilege on it, or inside of it, loses the old one and has
// the new one. Nobody else changes.
func TestRenameOfAnObjectIsAVersionOfAllWhoHaveIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(t, "", "CREATE ROLE olga", "CREATE ROLE alice LOGIN", "CREATE ROLE bob LOGIN", "CREATE DATABASE app", "CREATE DATABASE shop",
		"ALTER ROLE bob IN DATABASE shop SET work_mem = '8MB'")
	s.exec(t, "app", "CREATE SCHEMA s AUTHORIZATION olga", "CREATE TABLE s.t (a int)", "ALTER TABLE s.t OWNER TO olga", "GRANT SELECT ON s.t TO alice")
	s.exec(t, "shop", "DROP SCHEMA public")
	s.sync(t)
	for _, step := range []step{
		{"table", "ALTER TABLE s.t RENAME TO t2", []string{"alice changed grants +1 -1", "olga changed grants +1 -1"}},
		{"column without privileges", "ALTER TABLE s.t2 RENAME COLUMN a TO b", nil},
		{"schema", "ALTER SCHEMA s RENAME TO s2", []string{"alice changed grants +1 -1", "olga changed grants +2 -2"}},
		{"database", "ALTER DATABASE shop RENAME TO store", []string{
			"PUBLIC changed grants +1 -1", "bob changed attributes settings", "postgres changed grants +1 -1",
		}},
	} {
		s.take(t, step)
	}
}
