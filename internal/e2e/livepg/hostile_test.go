package livepg

import "testing"

// The database and the role with the worst names.
const (
	odd     = `Db o.t's "x"`
	oddRole = `It's "me", ann.b (x); -- y`
)

// addHostile makes what the fleet lacks: odd names, grants by others than owners,
// and every kind of object with privileges given and taken.
func (s *site) addHostile(t *testing.T) {
	t.Helper()
	me := quote(oddRole)
	s.exec(t, "", "CREATE ROLE olga", "CREATE ROLE bob LOGIN CONNECTION LIMIT 0", "CREATE ROLE alice LOGIN NOINHERIT", `CREATE ROLE "PUBLIC"`,
		"CREATE ROLE "+me+" LOGIN VALID UNTIL '2033-04-05 06:07:08.090909+02'", `CREATE ROLE "Größe 長" CREATEDB VALID UNTIL 'infinity'`,
		"ALTER ROLE bob SET search_path = a, \"B c\", 'x\"y'", "ALTER ROLE bob SET myapp.note = E'it''s \\\\ = x'",
		"ALTER ROLE bob SET role = alice", "ALTER ROLE bob SET myapp.api_key = 'k3y'",
		"GRANT olga TO bob WITH ADMIN OPTION", "SET ROLE bob; GRANT olga TO "+me+"; RESET ROLE", `GRANT "PUBLIC" TO "Größe 長"`,
		"GRANT pg_monitor TO olga WITH ADMIN OPTION", "GRANT olga TO pg_signal_backend",
		"CREATE DATABASE "+quote(odd)+" OWNER olga", "REVOKE TEMPORARY ON DATABASE "+quote(odd)+" FROM PUBLIC",
		"GRANT CONNECT ON DATABASE "+quote(odd)+" TO bob WITH GRANT OPTION", "GRANT CREATE ON DATABASE postgres TO "+me,
		"GRANT CONNECT ON DATABASE template0 TO bob", "REVOKE CONNECT ON DATABASE template1 FROM PUBLIC",
		"ALTER ROLE bob IN DATABASE "+quote(odd)+" SET work_mem = '8MB'", "ALTER ROLE bob IN DATABASE postgres SET myapp.db_password = 'x'",
		"ALTER ROLE "+me+" IN DATABASE "+quote(odd)+" SET search_path = public",
		"SET allow_in_place_tablespaces = on", "CREATE TABLESPACE \"T s\" OWNER olga LOCATION ''",
		"GRANT CREATE ON TABLESPACE \"T s\" TO bob WITH GRANT OPTION", "GRANT CREATE ON TABLESPACE pg_default TO alice",
		"GRANT SET ON PARAMETER work_mem TO bob WITH GRANT OPTION", "GRANT SET, ALTER SYSTEM ON PARAMETER my.x TO PUBLIC",
		"GRANT ALTER SYSTEM ON PARAMETER my.x TO "+me)
	s.exec(t, odd, hostileObjects()...)
	s.exec(t, odd, hostileRoutines()...)
	s.exec(t, odd, hostileGrants(me)...)
	s.exec(t, odd, hostileDefaults(me)...)
	s.exec(t, odd, hostileSystem(me)...)
	s.exec(t, "postgres", "CREATE TABLE public.t (a int)", "GRANT SELECT ON public.t TO PUBLIC", "REVOKE ALL ON SCHEMA public FROM PUBLIC",
		"GRANT SELECT ON information_schema.tables TO bob")
	s.exec(t, "template1", "CREATE TABLE unread (a int)")
}

func hostileObjects() []string {
	return []string{
		"CREATE SCHEMA s AUTHORIZATION olga", `CREATE SCHEMA "S.x ""y"""`, "SET search_path = s",
		"CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, s serial, b int, \"C d\" text)", "ALTER TABLE t OWNER TO olga",
		"CREATE TABLE p (a int) PARTITION BY LIST (a)", "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)", "ALTER TABLE p1 OWNER TO bob",
		"CREATE VIEW v AS SELECT 1 AS a", "ALTER VIEW v OWNER TO olga", "CREATE RECURSIVE VIEW rv (n) AS SELECT 1",
		"CREATE MATERIALIZED VIEW m AS SELECT 1 AS a", "ALTER MATERIALIZED VIEW m OWNER TO olga",
		"CREATE SEQUENCE q", "ALTER SEQUENCE q OWNER TO olga", "CREATE UNLOGGED TABLE ul (a int)",
		`CREATE TABLE "S.x ""y"""."T.1 'z' ;" ("a.b" int, "c""d" int)`,
		"CREATE TYPE e AS ENUM ('a')", "ALTER TYPE e OWNER TO olga", "CREATE TYPE c AS (a int)", "CREATE TYPE r AS RANGE (SUBTYPE = int4)",
		"CREATE DOMAIN d AS int", "ALTER DOMAIN d OWNER TO olga", `CREATE TYPE "S.x ""y"""."T y" AS ENUM ('a')`,
		"CREATE FOREIGN DATA WRAPPER w", `CREATE SERVER "F s" FOREIGN DATA WRAPPER w`, `CREATE FOREIGN TABLE ft (a int) SERVER "F s"`,
		"CREATE SERVER fs2 FOREIGN DATA WRAPPER w", "GRANT USAGE ON FOREIGN DATA WRAPPER w TO olga", "ALTER SERVER fs2 OWNER TO olga",
		"SELECT lo_create(4711)", "ALTER LARGE OBJECT 4711 OWNER TO olga", "SELECT lo_create(4712)",
		"CREATE COLLATION co FROM \"C\"", "CREATE STATISTICS st ON id, b FROM t", "CREATE PUBLICATION pub", "CREATE ROLE zoe",
		"CREATE TABLE zoes (a int)", "ALTER TABLE zoes OWNER TO zoe", "GRANT SELECT ON zoes TO zoe", "REVOKE ALL ON zoes FROM zoe",
	}
}

func hostileRoutines() []string {
	return []string{
		"SET search_path = s",
		"CREATE FUNCTION f(a int, \"b c\" double precision, OUT x int, VARIADIC y text[]) LANGUAGE sql AS 'SELECT 1'",
		"CREATE FUNCTION f(\"char\", s.e[], timestamp with time zone, \"timestamp\" interval) RETURNS int LANGUAGE sql AS $$SELECT 1; -- '$$",
		`CREATE FUNCTION "F (x), y"("S.x ""y"""."T y"[]) RETURNS TABLE (a int, b text) LANGUAGE sql AS 'SELECT 1, '''''`,
		"CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END",
		"CREATE PROCEDURE pr(INOUT a int, OUT c int, b character varying DEFAULT ')') LANGUAGE sql AS 'SELECT 1, 2'",
		"CREATE FUNCTION \"a g\"(int, int, double precision) RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE AGGREGATE ag(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0')", "CREATE AGGREGATE ag2(int, double precision) (SFUNC = \"a g\", STYPE = int)",
		"CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'",
		"CREATE TRUSTED LANGUAGE trusty HANDLER s.h", "CREATE LANGUAGE wild HANDLER s.h",
		"ALTER FUNCTION f(int, double precision, text[]) OWNER TO olga", "ALTER PROCEDURE pr OWNER TO olga", "ALTER AGGREGATE ag(*) OWNER TO olga",
	}
}

func hostileGrants(me string) []string {
	table := `"S.x ""y"""."T.1 'z' ;"`
	return []string{
		"GRANT USAGE ON SCHEMA s TO PUBLIC", "GRANT CREATE ON SCHEMA s TO bob WITH GRANT OPTION",
		"SET search_path = s", "GRANT ALL ON t TO " + me + " WITH GRANT OPTION", "REVOKE GRANT OPTION FOR UPDATE, DELETE ON t FROM " + me,
		"GRANT SELECT, INSERT ON t TO \"PUBLIC\"", "GRANT DELETE ON t TO PUBLIC",
		"SET ROLE " + me + "; GRANT SELECT ON s.t TO bob WITH GRANT OPTION; GRANT SELECT ON s.t TO olga; RESET ROLE",
		"SET ROLE bob; GRANT SELECT ON s.t TO alice, \"PUBLIC\"; RESET ROLE", "GRANT SELECT ON t TO alice",
		"GRANT SELECT (id), UPDATE (id, b) ON t TO bob WITH GRANT OPTION", "REVOKE GRANT OPTION FOR UPDATE (b) ON t FROM bob",
		"SET ROLE bob; GRANT SELECT (id) ON s.t TO alice; RESET ROLE", "GRANT ALL (\"C d\") ON t TO PUBLIC",
		"REVOKE DELETE ON t FROM olga", "REVOKE ALL ON m FROM olga", "GRANT SELECT ON v, m, p, p1, ft, ul TO bob",
		"GRANT SELECT, UPDATE (\"a.b\", \"c\"\"d\") ON " + table + " TO " + me, "GRANT USAGE ON SEQUENCE t_id_seq, t_s_seq, q TO bob",
		"REVOKE EXECUTE ON FUNCTION f(int, double precision, text[]) FROM PUBLIC, olga", "GRANT EXECUTE ON FUNCTION f(int, double precision, text[]) TO bob WITH GRANT OPTION",
		"SET ROLE bob; GRANT EXECUTE ON FUNCTION s.f(int, double precision, text[]) TO PUBLIC; RESET ROLE",
		`GRANT EXECUTE ON FUNCTION "F (x), y" TO ` + me, "GRANT EXECUTE ON FUNCTION f(\"char\", s.e[], timestamptz, interval) TO bob",
		"GRANT EXECUTE ON PROCEDURE pr TO bob", "REVOKE ALL ON FUNCTION ag() FROM PUBLIC", "GRANT EXECUTE ON FUNCTION ag2(int, float8) TO bob",
		"REVOKE USAGE ON TYPE e FROM PUBLIC", "GRANT USAGE ON TYPE e, d, \"S.x \"\"y\"\"\".\"T y\" TO bob", "REVOKE USAGE ON TYPE c FROM PUBLIC",
		"GRANT USAGE ON LANGUAGE trusty TO bob", "REVOKE USAGE ON LANGUAGE trusty FROM PUBLIC", "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC",
		"GRANT USAGE ON LANGUAGE sql TO bob WITH GRANT OPTION", "REVOKE EXECUTE ON FUNCTION r(int, int) FROM PUBLIC",
		"GRANT EXECUTE ON FUNCTION r(int, int), r_multirange() TO bob", "GRANT USAGE ON FOREIGN DATA WRAPPER w TO " + me + " WITH GRANT OPTION",
		"GRANT USAGE ON FOREIGN SERVER \"F s\", fs2 TO bob", "GRANT SELECT ON LARGE OBJECT 4711 TO bob", "REVOKE UPDATE ON LARGE OBJECT 4711 FROM olga",
		"GRANT SELECT, UPDATE ON LARGE OBJECT 4712 TO PUBLIC", "REVOKE CREATE ON SCHEMA s FROM olga",
	}
}

func hostileDefaults(me string) []string {
	return []string{
		"ALTER DEFAULT PRIVILEGES FOR ROLE olga REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
		"ALTER DEFAULT PRIVILEGES FOR ROLE olga REVOKE USAGE ON TYPES FROM PUBLIC", "ALTER DEFAULT PRIVILEGES FOR ROLE olga REVOKE DELETE ON TABLES FROM olga",
		"ALTER DEFAULT PRIVILEGES FOR ROLE olga IN SCHEMA s GRANT SELECT ON TABLES TO bob WITH GRANT OPTION",
		"ALTER DEFAULT PRIVILEGES FOR ROLE olga IN SCHEMA s GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
		"ALTER DEFAULT PRIVILEGES FOR ROLE olga GRANT USAGE ON SCHEMAS TO " + me, "ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO alice",
		"ALTER DEFAULT PRIVILEGES FOR ROLE " + me + ` IN SCHEMA "S.x ""y""" GRANT USAGE ON TYPES TO "PUBLIC"`,
	}
}

func hostileSystem(me string) []string {
	return []string{
		"GRANT EXECUTE ON FUNCTION pg_read_file(text) TO bob", "REVOKE EXECUTE ON FUNCTION pg_backend_pid() FROM PUBLIC",
		"REVOKE EXECUTE ON FUNCTION pg_ls_waldir() FROM pg_monitor", "GRANT EXECUTE ON FUNCTION count() TO bob",
		"GRANT SELECT ON pg_authid TO bob WITH GRANT OPTION", "REVOKE SELECT ON pg_cast, pg_views FROM PUBLIC", "GRANT SELECT ON pg_tables TO " + me,
		"GRANT SELECT (rolname) ON pg_authid TO alice", "REVOKE SELECT (subname) ON pg_subscription FROM PUBLIC",
		"GRANT USAGE ON TYPE int4 TO bob", "GRANT CREATE ON SCHEMA pg_catalog TO " + me,
		"REVOKE SELECT ON information_schema.tables FROM PUBLIC", "GRANT SELECT ON information_schema.sql_parts TO bob WITH GRANT OPTION",
		"GRANT SELECT (table_name) ON information_schema.columns TO alice", "GRANT USAGE, CREATE ON SCHEMA information_schema TO bob",
		"CREATE TABLE information_schema.mine (a int)", "ALTER TABLE information_schema.mine OWNER TO olga", "GRANT SELECT ON information_schema.mine TO bob",
		"REVOKE USAGE ON SCHEMA public FROM PUBLIC", "ALTER SCHEMA public OWNER TO olga", "GRANT USAGE ON SCHEMA public TO bob",
	}
}
