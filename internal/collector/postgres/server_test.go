package postgres_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/session"
)

func TestServerSaysWhoItIs(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	var want fleet.Server
	row := s.connect(t, "").QueryRow(t.Context(),
		`SELECT 'postgresql', split_part(version(), ' ', 2), system_identifier::text FROM pg_control_system()`)
	if err := row.Scan(&want.Flavour, &want.Version, &want.Identity); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, s.read(t).Server); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
}

func TestRolesHaveTheirAttributes(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE DATABASE app",
		"CREATE ROLE plain", "CREATE ROLE able LOGIN SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS NOINHERIT CONNECTION LIMIT 0",
		"ALTER ROLE able SET work_mem = '8MB'", "ALTER ROLE able SET myapp.api_key = 'k3y'",
		"ALTER ROLE able IN DATABASE app SET myapp.db_password = 'pa55'", "ALTER ROLE able IN DATABASE app SET myapp.note = 'a=b'")
	found := s.read(t)
	plain := map[string]any{"inherit": true, "createrole": false, "createdb": false, "replication": false, "bypassrls": false}
	if diff := cmp.Diff(plain, found.account("plain").Attributes); diff != "" {
		t.Errorf("plain (-want +got):\n%s", diff)
	}
	able := map[string]any{
		"inherit": false, "createrole": true, "createdb": true, "replication": true, "bypassrls": true,
		"connection_limit": int64(0),
		"settings": []string{
			"app:myapp.db_password=[redacted]", "app:myapp.note=a=b", "myapp.api_key=[redacted]", "work_mem=8MB",
		},
	}
	if diff := cmp.Diff(able, found.account("able").Attributes); diff != "" {
		t.Errorf("able (-want +got):\n%s", diff)
	}
	if !found.account("able").Superuser || found.account("plain").Superuser {
		t.Error("superuser is mistaken")
	}
}

func TestEndOfValidity(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "SET timezone = 'UTC'",
		"CREATE ROLE never VALID UNTIL 'infinity'", "CREATE ROLE unset",
		"CREATE ROLE past VALID UNTIL '-infinity'", "CREATE ROLE ancient VALID UNTIL '4000-01-01 BC'",
		"CREATE ROLE distant VALID UNTIL '294276-12-31'", "CREATE ROLE fine VALID UNTIL '2033-04-05 06:07:08.090909'")
	found := s.read(t)
	for name, want := range map[string]string{
		"never": "", "unset": "", "past": "0001-01-02T00:00:00Z", "ancient": "0001-01-02T00:00:00Z",
		"distant": "9999-12-31T00:00:00Z", "fine": "2033-04-05T06:07:08.090909Z",
	} {
		got := ""
		if until := found.account(name).ValidUntil; until != nil {
			got = until.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s is valid until %q, want %q", name, got, want)
		}
	}
}

func TestMembershipsReferByIdentity(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE ROLE parent", "CREATE ROLE child", "GRANT parent TO child WITH ADMIN OPTION", "GRANT pg_monitor TO child")
	found := s.read(t)
	names := found.names()
	var got []string
	for _, m := range found.account("child").Memberships {
		got = append(got, names[m.Role]+" by "+names[m.Grantor])
		if m.Admin != (names[m.Role] == "parent") || m.Inherit != nil || m.Set != nil {
			t.Errorf("membership %+v", m)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"parent by postgres", "pg_monitor by postgres"}, got); diff != "" {
		t.Errorf("memberships (-want +got):\n%s", diff)
	}
}

// gaps writes the gaps of a read, sorted.
func gaps(s snapshot) []string {
	var all []string
	for _, g := range s.Gaps {
		all = append(all, strings.Join([]string{g.Database, g.Type, string(g.Code)}, " "))
	}
	slices.Sort(all)
	return all
}

func TestClosedDatabaseIsAGapAndATemplateIsNot(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE DATABASE closed ALLOW_CONNECTIONS false", "CREATE DATABASE pattern IS_TEMPLATE true",
		"CREATE DATABASE full_up CONNECTION LIMIT 0", "CREATE ROLE alice", "GRANT CREATE ON DATABASE closed TO alice")
	found := s.readPartial(t)
	want := []string{"closed  permission_denied", "full_up  too_many_connections"}
	if diff := cmp.Diff(want, gaps(found)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	if !slices.Contains(found.grants("alice"), "database - closed CREATE by postgres explicit") {
		t.Errorf("grants on the closed database itself are missing: %v", found.grants("alice"))
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

// Names in a database without an encoding may be any bytes.
func TestNamesWithoutEncodingAreMadeText(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE ROLE alice",
		"CREATE DATABASE raw ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
		"CREATE DATABASE western ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	latin := []string{
		"SET client_encoding = 'SQL_ASCII'",
		`DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I', convert_from('\x6df66265'::bytea, 'SQL_ASCII')); END $$`,
		`DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO alice', convert_from('\x6df66265'::bytea, 'SQL_ASCII')); END $$`,
	}
	s.Exec(t, "raw", latin...)
	s.Exec(t, "western", "SET client_encoding = 'UTF8'", `CREATE SCHEMA "möbe"`, `GRANT USAGE ON SCHEMA "möbe" TO alice`)
	want := []string{
		"schema raw m\uFFFDbe USAGE by postgres explicit",
		"schema western möbe USAGE by postgres explicit",
	}
	if diff := cmp.Diff(want, s.read(t).grants("alice")); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
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

// TestOneConnectionAtATime looks at a waiting read from the server's side.
func TestOneConnectionAtATime(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "ALTER ROLE dbfleet CONNECTION LIMIT 1")
	s.Exec(t, "", "CREATE DATABASE one", "CREATE DATABASE two", "CREATE DATABASE three")
	unblock := s.Block(t)
	done := make(chan error, 1)
	target := s.Target()
	reader := newReader(t, localDialer(t))
	go func() {
		_, err := reader.ReadAccounts(context.WithoutCancel(t.Context()), target, fleet.Limits{}, nil)
		done <- err
	}()
	for !s.Waiting(t) {
		if len(done) > 0 {
			t.Fatal("the read did not wait")
		}
	}
	if n := s.Sessions(t, target.AppName); n != 1 {
		t.Errorf("%d connections at a time, want 1", n)
	}
	unblock()
	if err := <-done; err != nil {
		t.Fatal(err)
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

func TestGrantsAreMerged(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE ROLE alice", "CREATE TABLE public.t (a int)",
		"GRANT SELECT ON public.t TO alice", "GRANT UPDATE ON public.t TO alice WITH GRANT OPTION")
	found := s.read(t)
	want := []account.Grant{{
		Type: "table", Database: "postgres", Schema: "public", Object: "t", Source: account.Explicit, Grantor: "10",
		Privileges: []string{"SELECT", "UPDATE"}, Grantable: []string{"UPDATE"},
	}}
	if diff := cmp.Diff(want, found.account("alice").Grants); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}
