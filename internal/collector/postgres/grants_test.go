package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/localsvc"
)

// objects has one object of each kind, all of them olga's.
func objects() []string {
	return []string{
		"CREATE SCHEMA s AUTHORIZATION olga",
		"SET search_path = s",
		"CREATE TABLE t (a int, b int)",
		"CREATE TABLE p (a int) PARTITION BY LIST (a)",
		"CREATE VIEW v AS SELECT 1 AS a",
		"CREATE MATERIALIZED VIEW m AS SELECT 1 AS a",
		"CREATE SEQUENCE q",
		"CREATE FUNCTION f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"CREATE PROCEDURE pr() LANGUAGE sql AS 'SELECT 1'",
		"CREATE AGGREGATE ag(int) (SFUNC = int4pl, STYPE = int)",
		"CREATE TYPE e AS ENUM ('a')",
		"CREATE TYPE c AS (a int)",
		"CREATE TYPE r AS RANGE (SUBTYPE = int4)",
		"CREATE DOMAIN d AS int",
		"CREATE FOREIGN DATA WRAPPER w",
		"CREATE SERVER fs FOREIGN DATA WRAPPER w",
		"CREATE FOREIGN TABLE ft (a int) SERVER fs",
		"SELECT lo_create(4711)",
		"ALTER TABLE t OWNER TO olga", "ALTER TABLE p OWNER TO olga", "ALTER VIEW v OWNER TO olga",
		"ALTER MATERIALIZED VIEW m OWNER TO olga", "ALTER SEQUENCE q OWNER TO olga",
		"ALTER FUNCTION f(int, text) OWNER TO olga", "ALTER PROCEDURE pr() OWNER TO olga",
		"ALTER AGGREGATE ag(int) OWNER TO olga", "ALTER TYPE e OWNER TO olga", "ALTER TYPE c OWNER TO olga",
		"ALTER TYPE r OWNER TO olga", "ALTER DOMAIN d OWNER TO olga",
		"ALTER FOREIGN TABLE ft OWNER TO olga", "ALTER LARGE OBJECT 4711 OWNER TO olga",
	}
}

func startWithObjects(t *testing.T) *server {
	t.Helper()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE ROLE olga", "CREATE ROLE alice LOGIN", "CREATE ROLE bob LOGIN", "CREATE DATABASE app OWNER olga")
	s.Exec(t, "app", objects()...)
	return s
}

func TestOwnerHasOneGrantPerObject(t *testing.T) {
	t.Parallel()
	want := []string{
		"aggregate app s.ag(integer) OWNER owner",
		"database - app OWNER owner",
		"domain app s.d OWNER owner",
		"foreign_table app s.ft OWNER owner",
		"function app s.f(integer, text) OWNER owner",
		"large_object app 4711 OWNER owner",
		"materialized_view app s.m OWNER owner",
		"procedure app s.pr() OWNER owner",
		"schema app s OWNER owner",
		"sequence app s.q OWNER owner",
		"table app s.p OWNER owner",
		"table app s.t OWNER owner",
		"type app s.c OWNER owner",
		"type app s.e OWNER owner",
		"type app s.r OWNER owner",
		"view app s.v OWNER owner",
	}
	if diff := cmp.Diff(want, startWithObjects(t).read(t).grants("olga")); diff != "" {
		t.Errorf("grants of the owner (-want +got):\n%s", diff)
	}
}

// A step is what somebody does and what should differ after it.
type step struct {
	name string
	do   string
	want []string
}

// TestOneStatementIsOneChange runs statements one after the other.
func TestOneStatementIsOneChange(t *testing.T) {
	t.Parallel()
	s := startWithObjects(t)
	before := s.read(t)
	for _, steps := range [][]step{grantSteps(), revokeSteps(), defaultSteps(), systemSteps(), otherSteps()} {
		for _, step := range steps {
			s.Exec(t, "app", step.do)
			after := s.read(t)
			if diff := cmp.Diff(step.want, changes(t, before, after)); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", step.name, step.do, diff)
			}
			before = after
		}
	}
}

// grantSteps give every kind of object to alice or bob.
func grantSteps() []step {
	return []step{
		{"first grant on a table", "GRANT SELECT ON s.t TO alice", []string{"alice: + table app s.t SELECT by olga explicit"}},
		{"second account", "GRANT UPDATE ON s.t TO bob", []string{"bob: + table app s.t UPDATE by olga explicit"}},
		{
			"with grant option", "GRANT INSERT ON s.t TO bob WITH GRANT OPTION",
			[]string{"bob: + table app s.t INSERT*,UPDATE by olga explicit", "bob: - table app s.t UPDATE by olga explicit"},
		},
		{"schema to bob", "GRANT USAGE ON SCHEMA s TO bob", []string{"bob: + schema app s USAGE by olga explicit"}},
		{"granted on", "SET ROLE bob; GRANT INSERT ON s.t TO alice; RESET ROLE", []string{"alice: + table app s.t INSERT by bob explicit"}},
		{"partitioned table", "GRANT SELECT ON s.p TO alice", []string{"alice: + table app s.p SELECT by olga explicit"}},
		{"view", "GRANT SELECT ON s.v TO alice", []string{"alice: + view app s.v SELECT by olga explicit"}},
		{"materialized view", "GRANT SELECT ON s.m TO alice", []string{"alice: + materialized_view app s.m SELECT by olga explicit"}},
		{"foreign table", "GRANT SELECT ON s.ft TO alice", []string{"alice: + foreign_table app s.ft SELECT by olga explicit"}},
		{"column", "GRANT UPDATE (b) ON s.t TO alice", []string{"alice: + column app s.t.b UPDATE by olga explicit"}},
		{"sequence", "GRANT USAGE ON SEQUENCE s.q TO alice", []string{"alice: + sequence app s.q USAGE by olga explicit"}},
		{"function", "GRANT EXECUTE ON FUNCTION s.f(int, text) TO alice", []string{"alice: + function app s.f(integer, text) EXECUTE by olga explicit"}},
		{"procedure", "GRANT EXECUTE ON PROCEDURE s.pr() TO alice", []string{"alice: + procedure app s.pr() EXECUTE by olga explicit"}},
		{"aggregate", "GRANT EXECUTE ON FUNCTION s.ag(int) TO alice", []string{"alice: + aggregate app s.ag(integer) EXECUTE by olga explicit"}},
		{"type", "GRANT USAGE ON TYPE s.e TO alice", []string{"alice: + type app s.e USAGE by olga explicit"}},
		{"domain", "GRANT USAGE ON DOMAIN s.d TO alice", []string{"alice: + domain app s.d USAGE by olga explicit"}},
		{"schema", "GRANT USAGE, CREATE ON SCHEMA s TO alice", []string{"alice: + schema app s CREATE,USAGE by olga explicit"}},
		{"database", "GRANT CREATE ON DATABASE app TO alice", []string{"alice: + database - app CREATE by olga explicit"}},
		{"language", "GRANT USAGE ON LANGUAGE plpgsql TO alice", []string{"alice: + language app plpgsql USAGE by postgres explicit"}},
		{"foreign data wrapper", "GRANT USAGE ON FOREIGN DATA WRAPPER w TO alice", []string{"alice: + foreign_data_wrapper app w USAGE by postgres explicit"}},
		{"foreign server", "GRANT USAGE ON FOREIGN SERVER fs TO alice", []string{"alice: + foreign_server app fs USAGE by postgres explicit"}},
		{"tablespace", "GRANT CREATE ON TABLESPACE pg_default TO alice", []string{"alice: + tablespace - pg_default CREATE by postgres explicit"}},
		{"large object", "GRANT SELECT ON LARGE OBJECT 4711 TO alice", []string{"alice: + large_object app 4711 SELECT by olga explicit"}},
		{"parameter", "GRANT SET ON PARAMETER work_mem TO alice", []string{"alice: + parameter - work_mem SET by postgres explicit"}},
		{"to grant on", "GRANT EXECUTE ON FUNCTION s.f(int, text) TO bob WITH GRANT OPTION", []string{"bob: + function app s.f(integer, text) EXECUTE* by olga explicit"}},
		{
			"what everybody has, by another", "SET ROLE bob; GRANT EXECUTE ON FUNCTION s.f(int, text) TO PUBLIC; RESET ROLE",
			[]string{"PUBLIC: + function app s.f(integer, text) EXECUTE by bob explicit"},
		},
		{"everybody", "GRANT SELECT ON s.t TO PUBLIC", []string{"PUBLIC: + table app s.t SELECT by olga explicit"}},
	}
}

// revokeSteps take away what was granted, what everybody has, and what the owner has.
func revokeSteps() []step {
	return []step{
		{"granted", "REVOKE SELECT ON s.t FROM alice", []string{"alice: - table app s.t SELECT by olga explicit"}},
		{"column", "REVOKE UPDATE (b) ON s.t FROM alice", []string{"alice: - column app s.t.b UPDATE by olga explicit"}},
		{"from everybody", "REVOKE EXECUTE ON FUNCTION s.f(int, text) FROM PUBLIC", []string{"PUBLIC: - function app s.f(integer, text) EXECUTE default"}},
		{"to everybody again", "GRANT EXECUTE ON FUNCTION s.f(int, text) TO PUBLIC", []string{"PUBLIC: + function app s.f(integer, text) EXECUTE default"}},
		{
			"some of everybody's", "REVOKE TEMPORARY ON DATABASE app FROM PUBLIC",
			[]string{"PUBLIC: + database - app CONNECT default", "PUBLIC: - database - app CONNECT,TEMPORARY default"},
		},
		{"schema public", "REVOKE USAGE ON SCHEMA public FROM PUBLIC", []string{"PUBLIC: - schema app public USAGE default"}},
		{"from the owner", "REVOKE DELETE, TRUNCATE ON s.t FROM olga", []string{"olga: + table app s.t DELETE,TRUNCATE owner revoked"}},
		{"to the owner again", "GRANT DELETE, TRUNCATE ON s.t TO olga", []string{"olga: - table app s.t DELETE,TRUNCATE owner revoked"}},
		{"everything from the owner", "REVOKE ALL ON s.m FROM olga", []string{"olga: + materialized_view app s.m DELETE,INSERT,REFERENCES,SELECT,TRIGGER,TRUNCATE,UPDATE owner revoked"}},
	}
}

// defaultSteps change what later objects are born with, and spell out what they
// are born with anyway.
func defaultSteps() []step {
	return []step{
		{"spelled out", "GRANT ALL ON s.q TO olga", nil},
		{"spelled out where nothing was written", "GRANT ALL ON SCHEMA s TO olga", nil},
		{"spelled out for everybody", "GRANT USAGE ON TYPE s.c TO PUBLIC", nil},
		{"in a schema", "ALTER DEFAULT PRIVILEGES FOR ROLE olga IN SCHEMA s GRANT SELECT ON TABLES TO bob", []string{"bob: + default_privileges app s.tables SELECT for olga by olga explicit"}},
		{"everywhere", "ALTER DEFAULT PRIVILEGES FOR ROLE olga GRANT USAGE ON SEQUENCES TO bob", []string{"bob: + default_privileges app sequences USAGE for olga by olga explicit"}},
		{"from everybody", "ALTER DEFAULT PRIVILEGES FOR ROLE olga REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC", []string{"PUBLIC: + default_privileges app functions EXECUTE for olga default revoked"}},
		{"types from everybody", "ALTER DEFAULT PRIVILEGES FOR ROLE olga REVOKE USAGE ON TYPES FROM PUBLIC", []string{"PUBLIC: + default_privileges app types USAGE for olga default revoked"}},
		{"schemas", "ALTER DEFAULT PRIVILEGES FOR ROLE olga GRANT USAGE ON SCHEMAS TO alice", []string{"alice: + default_privileges app schemas USAGE for olga by olga explicit"}},
		{"from the owner", "ALTER DEFAULT PRIVILEGES FOR ROLE olga REVOKE DELETE ON TABLES FROM olga", []string{"olga: + default_privileges app tables DELETE for olga default revoked"}},
		{"back", "ALTER DEFAULT PRIVILEGES FOR ROLE olga GRANT EXECUTE ON FUNCTIONS TO PUBLIC", []string{"PUBLIC: - default_privileges app functions EXECUTE for olga default revoked"}},
	}
}

// systemSteps touch objects of the system, and those that follow others: only what
// they add or take shows.
func systemSteps() []step {
	return []step{
		{"function granted", "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO bob", []string{"bob: + function app pg_catalog.pg_read_file(text) EXECUTE by postgres explicit"}},
		{"function taken", "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_backend_pid() FROM PUBLIC", []string{"PUBLIC: + function app pg_catalog.pg_backend_pid() EXECUTE default revoked"}},
		{"function given back", "GRANT EXECUTE ON FUNCTION pg_catalog.pg_backend_pid() TO PUBLIC", []string{"PUBLIC: - function app pg_catalog.pg_backend_pid() EXECUTE default revoked"}},
		{"catalog granted", "GRANT SELECT ON pg_catalog.pg_authid TO bob", []string{"bob: + table app pg_catalog.pg_authid SELECT by postgres explicit"}},
		{"catalog taken", "REVOKE SELECT ON pg_catalog.pg_cast FROM PUBLIC", []string{"PUBLIC: + table app pg_catalog.pg_cast SELECT default revoked"}},
		{"column of a catalog granted", "GRANT SELECT (rolname) ON pg_catalog.pg_authid TO alice", []string{"alice: + column app pg_catalog.pg_authid.rolname SELECT by postgres explicit"}},
		{"column of a catalog taken", "REVOKE SELECT (subname) ON pg_catalog.pg_subscription FROM PUBLIC", []string{"PUBLIC: + column app pg_catalog.pg_subscription.subname SELECT default revoked"}},
		{"view of information_schema taken", "REVOKE SELECT ON information_schema.tables FROM PUBLIC", []string{"PUBLIC: + view app information_schema.tables SELECT default revoked"}},
		{"information_schema taken", "REVOKE USAGE ON SCHEMA information_schema FROM PUBLIC", []string{"PUBLIC: + schema app information_schema USAGE default revoked"}},
		{"constructor of a range granted", "GRANT EXECUTE ON FUNCTION s.r(int, int) TO alice", []string{"alice: + function app s.r(integer, integer) EXECUTE by postgres explicit"}},
		{"constructor of a range taken", "REVOKE EXECUTE ON FUNCTION s.r(int, int) FROM PUBLIC", []string{"PUBLIC: + function app s.r(integer, integer) EXECUTE default revoked"}},
		{"new range", "CREATE TYPE s.r2 AS RANGE (SUBTYPE = int4)", []string{"PUBLIC: + type app s.r2 USAGE default", "postgres: + type app s.r2 OWNER owner"}},
		{"type granted", "GRANT USAGE ON TYPE pg_catalog.int4 TO bob", []string{"bob: + type app pg_catalog.int4 USAGE by postgres explicit"}},
		{"language taken", "REVOKE USAGE ON LANGUAGE sql FROM PUBLIC", []string{"PUBLIC: + language app sql USAGE default revoked"}},
		{"from a role of the system", "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() FROM pg_monitor", []string{"pg_monitor: + function app pg_catalog.pg_ls_waldir() EXECUTE default revoked"}},
	}
}

// otherSteps change names and owners.
func otherSteps() []step {
	return []step{
		{"rename of a grantee", "ALTER ROLE bob RENAME TO robert", []string{"renamed bob to robert"}},
		{"rename of an owner and grantor", "ALTER ROLE olga RENAME TO olivia", []string{"renamed olga to olivia"}},
		{"another attribute", "ALTER ROLE robert CREATEDB", []string{"other robert"}},
		{"membership", "GRANT alice TO robert", []string{"other robert"}},
		{"membership ended", "REVOKE alice FROM robert", []string{"other robert"}},
		{"setting", "ALTER ROLE robert IN DATABASE app SET work_mem = '8MB'", []string{"other robert"}},
		{"owner of what nobody was granted", "ALTER DOMAIN s.d OWNER TO robert", []string{
			"alice: + domain app s.d USAGE by robert explicit", "alice: - domain app s.d USAGE by olivia explicit",
			"olivia: - domain app s.d OWNER owner", "robert: + domain app s.d OWNER owner",
		}},
		{"owner only", "ALTER TYPE s.r OWNER TO robert", []string{"olivia: - type app s.r OWNER owner", "robert: + type app s.r OWNER owner"}},
		{"owner of schema public", "ALTER SCHEMA public OWNER TO robert", []string{"pg_database_owner: - schema app public OWNER owner", "robert: + schema app public OWNER owner"}},
		{"new role", "CREATE ROLE zoe", []string{"created zoe"}},
		{"dropped role", "DROP ROLE zoe", []string{"gone zoe"}},
		{"temporary objects", "CREATE TEMPORARY TABLE tt (a int)", nil},
	}
}
