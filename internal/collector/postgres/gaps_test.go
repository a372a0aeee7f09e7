package postgres_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/session"
)

// gaps writes the gaps of a read, sorted.
func gaps(s snapshot) []string {
	var all []string
	for _, g := range s.Gaps {
		all = append(all, strings.Join([]string{g.Database, g.Type, string(g.Code)}, " "))
	}
	slices.Sort(all)
	return all
}

// The templates that initdb made are no gaps, whoever has closed them.
func TestClosedDatabaseIsAGap(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE DATABASE closed ALLOW_CONNECTIONS false", "CREATE DATABASE pattern IS_TEMPLATE true",
		"CREATE DATABASE full_up CONNECTION LIMIT 0", "CREATE ROLE alice", "GRANT CREATE ON DATABASE closed TO alice",
		"ALTER DATABASE template1 ALLOW_CONNECTIONS false")
	found := s.readPartial(t)
	want := []string{"closed  permission_denied", "full_up  too_many_connections"}
	if diff := cmp.Diff(want, gaps(found)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	if !slices.Contains(found.grants("alice"), "database - closed CREATE by postgres explicit") {
		t.Errorf("grants on the closed database itself are missing: %v", found.grants("alice"))
	}
}

// A database may become a template while people work in it: their rights stay.
func TestDatabaseThatBecomesATemplateLosesNoGrants(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE ROLE alice", "CREATE DATABASE app")
	s.Exec(t, "app", "CREATE TABLE t (a int)", "GRANT SELECT ON t TO alice")
	before := s.read(t)
	s.Exec(t, "", "ALTER DATABASE app IS_TEMPLATE true")
	if diff := cmp.Diff([]string(nil), changes(t, before, s.read(t))); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	s.Exec(t, "", "ALTER DATABASE app ALLOW_CONNECTIONS false")
	if diff := cmp.Diff([]string{"app  permission_denied"}, gaps(s.readPartial(t))); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

// A hardened server hides catalogs: only what stands in them is missing.
func TestHiddenCatalogIsAGapOfItsKind(t *testing.T) {
	t.Parallel()
	s := startWithObjects(t)
	before := s.read(t)
	s.Exec(t, "app", "REVOKE SELECT ON pg_catalog.pg_foreign_server, pg_catalog.pg_largeobject_metadata FROM PUBLIC")
	found := s.readPartial(t)
	want := []string{"app foreign_server permission_denied", "app large_object permission_denied"}
	if diff := cmp.Diff(want, gaps(found)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	var lost []string
	for _, line := range before.grants("olga") {
		if !slices.Contains(found.grants("olga"), line) {
			lost = append(lost, line)
		}
	}
	if diff := cmp.Diff([]string{"large_object app 4711 OWNER owner"}, lost); diff != "" {
		t.Errorf("missing grants (-want +got):\n%s", diff)
	}
	if got, want := len(found.grants("olga")), len(before.grants("olga"))-1; got != want {
		t.Errorf("%d grants, want %d: some were read twice", got, want)
	}
}

func TestHiddenServerCatalogsAreGaps(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "REVOKE SELECT ON pg_catalog.pg_auth_members, pg_catalog.pg_db_role_setting, pg_catalog.pg_tablespace FROM PUBLIC",
		"REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC")
	want := []string{
		" identity permission_denied", " memberships permission_denied", " settings permission_denied", " tablespace permission_denied",
	}
	if diff := cmp.Diff(want, gaps(s.readPartial(t))); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

// Without the roles there is nothing that grants could belong to.
func TestHiddenRolesFailTheRead(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "REVOKE SELECT ON pg_catalog.pg_roles FROM PUBLIC")
	_, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), s.Target(), fleet.Limits{}, nil)
	f := session.AsFault(err)
	if f.Code != session.CodePermission || f.Phase != session.PhaseQuery("roles") {
		t.Errorf("fault %v", f)
	}
}

// What an extension is born with is no difference either.
func TestExtensionIsComparedWithItsScript(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
	want := "view postgres public.pg_stat_statements SELECT default"
	if got := s.read(t).grants("PUBLIC"); !slices.Contains(got, want) {
		t.Errorf("%s is missing in %v", want, got)
	}
	before := s.read(t)
	s.Exec(t, "", "GRANT SELECT ON pg_stat_statements TO dbfleet")
	added := []string{"dbfleet: + view postgres public.pg_stat_statements SELECT by postgres explicit"}
	if diff := cmp.Diff(added, changes(t, before, s.read(t))); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// What somebody hides among the system's objects is not taken for one of them.
func TestObjectAddedToASchemaOfTheSystemIsAUsers(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE ROLE mallory")
	before := s.read(t)
	s.Exec(t, "", "CREATE FUNCTION pg_catalog.backdoor() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
		"ALTER FUNCTION pg_catalog.backdoor() OWNER TO mallory",
		"CREATE VIEW information_schema.peephole AS SELECT 1 AS a", "GRANT SELECT ON information_schema.peephole TO mallory")
	want := []string{
		"PUBLIC: + function postgres pg_catalog.backdoor() EXECUTE default",
		"mallory: + function postgres pg_catalog.backdoor() OWNER owner",
		"mallory: + view postgres information_schema.peephole SELECT by postgres explicit",
		"postgres: + view postgres information_schema.peephole OWNER owner",
	}
	if diff := cmp.Diff(want, changes(t, before, s.read(t))); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// TestOneConnectionAtATime looks at a waiting read from the server's side.
func TestOneConnectionAtATime(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "ALTER ROLE dbfleet CONNECTION LIMIT 1")
	s.Exec(t, "", "CREATE DATABASE one", "CREATE DATABASE two", "CREATE DATABASE three")
	unblock := s.Block(t)
	done := s.readWaiting(t)
	if n := s.Sessions(t, s.Target().AppName); n != 1 {
		t.Errorf("%d connections at a time, want 1", n)
	}
	unblock()
	if r := <-done; r.err != nil {
		t.Fatal(r.err)
	}
}

type result struct {
	found snapshot
	err   error
}

// readWaiting starts a read and returns when it waits for a lock.
func (s *server) readWaiting(t *testing.T) <-chan result {
	t.Helper()
	done := make(chan result, 1)
	reader := newReader(t, localDialer(t))
	go func() {
		found, err := reader.ReadAccounts(context.WithoutCancel(t.Context()), s.Target(), fleet.Limits{Lock: time.Minute}, nil)
		done <- result{snapshot{found}, err}
	}()
	for !s.Waiting(t) {
		if len(done) > 0 {
			t.Fatal("the read did not wait")
		}
	}
	return done
}

func TestDatabaseDroppedMeanwhileIsNoGap(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE DATABASE passing")
	unblock := s.Block(t)
	done := s.readWaiting(t)
	s.Exec(t, "", "DROP DATABASE passing")
	unblock()
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	if len(r.found.Gaps) > 0 {
		t.Errorf("gaps %v, want none", gaps(r.found))
	}
}

func TestConnectionEndedByAnAdministratorFailsTheRead(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Block(t)
	done := s.readWaiting(t)
	s.Exec(t, "", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dbfleet'")
	r := <-done
	if f := session.AsFault(r.err); f.Code != session.CodeReset || f.Phase != session.PhaseQuery("grants") {
		t.Errorf("fault %v, want %s", r.err, session.CodeReset)
	}
}

// A lock on one catalog costs what stands in it, and nothing else.
func TestLockedCatalogIsAGapOfItsKind(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE ROLE alice", "GRANT USAGE ON SCHEMA public TO alice")
	s.Block(t)
	found := s.readPartial(t)
	if diff := cmp.Diff([]string{"postgres default_privileges timeout"}, gaps(found)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	want := []string{"schema postgres public USAGE by pg_database_owner explicit"}
	if diff := cmp.Diff(want, found.grants("alice")); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}

// What a user puts into the schema public must not stand in for the catalog.
func TestUsersObjectsAreNotCalled(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE VIEW public.pg_roles AS SELECT 1/0 AS oid",
		`CREATE FUNCTION public.has_database_privilege(oid, text) RETURNS bool LANGUAGE sql AS 'SELECT 1/0 = 1'`,
		`CREATE FUNCTION public.evil(name, text) RETURNS bool LANGUAGE sql AS 'SELECT 1/0 = 1'`,
		`CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.evil)`,
		"ALTER ROLE dbfleet SET search_path = public, pg_catalog")
	s.read(t)
}

func TestUnknownGranteesAreCounted(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "SET allow_system_table_mods = on",
		`INSERT INTO pg_db_role_setting VALUES (0, 4000000000, '{work_mem=1MB}')`,
		`UPDATE pg_database SET datacl = datacl || makeaclitem(4000000001, 10, 'CONNECT', false) WHERE datname = 'template1'`)
	found := s.read(t)
	if got := found.Details["unknown_grantees"]; got != 2 {
		t.Errorf("%v unknown grantees, want 2", got)
	}
}
