package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/localsvc"
)

// TestEverythingIsAsTheCatalogsSay compares a whole fleet's server, line by line,
// with what its superuser finds there: no more and no less.
func TestEverythingIsAsTheCatalogsSay(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	databases, closed := s.fill(t)
	found := s.readPartial(t)
	if diff := cmp.Diff(closed, gaps(found)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	compareLines(t, "roles", s.lines(t, "", catalogRoles), found.roleLines())
	compareLines(t, "memberships", s.lines(t, "", catalogMemberships), found.membershipLines())
	want := s.lines(t, "", catalogServer)
	for _, database := range databases {
		want = append(want, s.lines(t, database, catalogDatabase)...)
	}
	compareLines(t, "grants", want, found.grantLines())
}

// fill makes 50 roles and eight databases, and returns those that the minimal
// account may enter and the gaps that the others are.
func (s *server) fill(t *testing.T) (databases, closed []string) {
	t.Helper()
	var roles []string
	for i := range 50 {
		roles = append(roles, fmt.Sprintf("CREATE ROLE %s", fleetRole(i)))
		if i >= 10 {
			roles = append(roles, fmt.Sprintf("ALTER ROLE %s LOGIN PASSWORD 'x' CONNECTION LIMIT %d", fleetRole(i), i%4-1),
				fmt.Sprintf("GRANT %s TO %s", fleetRole(i%10), fleetRole(i)))
		}
		if i%7 == 0 {
			roles = append(roles, fmt.Sprintf("ALTER ROLE %s CREATEDB CREATEROLE NOINHERIT", fleetRole(i)),
				fmt.Sprintf("GRANT pg_read_all_data TO %s WITH ADMIN OPTION", fleetRole(i)))
		}
	}
	s.Exec(t, "", append(roles, "CREATE ROLE \"it's \"\"me\"\" %_\" SUPERUSER REPLICATION BYPASSRLS")...)
	for i := range 8 {
		name := fmt.Sprintf("Fleet %d's", i)
		s.Exec(t, "", "CREATE DATABASE "+quote(name)+" OWNER "+fleetRole(10+i),
			fmt.Sprintf("GRANT CONNECT, CREATE ON DATABASE %s TO %s WITH GRANT OPTION", quote(name), fleetRole(i)))
		s.Exec(t, name, fleetObjects(i)...)
		if i%4 != 3 {
			databases = append(databases, name)
			continue
		}
		s.Exec(t, "", "REVOKE CONNECT, TEMPORARY ON DATABASE "+quote(name)+" FROM PUBLIC")
		closed = append(closed, name+"  permission_denied")
	}
	return append(databases, "postgres"), closed
}

func fleetRole(i int) string { return fmt.Sprintf("r%02d", i) }

func fleetObjects(i int) []string {
	owner, one, two := fleetRole(10+i), fleetRole(20+i), fleetRole(30+i)
	all := []string{
		"CREATE SCHEMA app AUTHORIZATION " + owner,
		"GRANT USAGE ON SCHEMA app TO PUBLIC", "REVOKE ALL ON SCHEMA public FROM PUBLIC",
		"CREATE FUNCTION app.f(int, app.e[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"REVOKE EXECUTE ON FUNCTION app.f FROM PUBLIC", "GRANT EXECUTE ON FUNCTION app.f TO " + one,
		"CREATE PROCEDURE app.p() LANGUAGE sql AS ''", "CREATE DOMAIN app.d AS int",
		"REVOKE USAGE ON TYPE app.e FROM PUBLIC", "CREATE SEQUENCE app.q OWNED BY NONE",
		"GRANT USAGE ON SEQUENCE app.q TO " + two + " WITH GRANT OPTION",
		"CREATE VIEW app.v AS SELECT 1 AS a", "GRANT SELECT ON app.v TO PUBLIC",
		"CREATE FOREIGN DATA WRAPPER w", "CREATE SERVER fs FOREIGN DATA WRAPPER w", "GRANT USAGE ON FOREIGN SERVER fs TO " + one,
		"SELECT lo_create(4711)", "GRANT SELECT ON LARGE OBJECT 4711 TO " + two,
		"ALTER DEFAULT PRIVILEGES FOR ROLE " + owner + " IN SCHEMA app GRANT SELECT ON TABLES TO " + one + " WITH GRANT OPTION",
	}
	all = slices.Insert(all, 1, "CREATE TYPE app.e AS ENUM ('a')")
	for table := range 5 {
		name := quote("app", fmt.Sprintf("T %d", table))
		all = append(all, "CREATE TABLE "+name+" (id int, \"a b\" text)", "ALTER TABLE "+name+" OWNER TO "+fleetRole(10+i+table),
			"GRANT SELECT, INSERT ON "+name+" TO "+one, "GRANT UPDATE (id, \"a b\") ON "+name+" TO "+two+" WITH GRANT OPTION")
		if table%2 == 1 {
			all = append(all, "REVOKE DELETE, TRUNCATE ON "+name+" FROM "+fleetRole(10+i+table),
				"SET ROLE "+fleetRole(10+i+table), "GRANT INSERT ON "+name+" TO PUBLIC", "RESET ROLE")
		}
	}
	return all
}

const catalogRoles = `
SELECT concat_ws('|', rolname, rolcanlogin, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit)
  FROM pg_roles`

const catalogMemberships = `
SELECT concat_ws('|', m.rolname, r.rolname, g.rolname, admin_option)
  FROM pg_auth_members a JOIN pg_roles m ON m.oid = member JOIN pg_roles r ON r.oid = roleid JOIN pg_roles g ON g.oid = grantor`

// catalogLines tells of each object in o who owns it, what everybody else has, and
// what the owner has lost.
const catalogLines = `
SELECT concat_ws('|', grantee, kind, sch, obj, col, effect, privilege, CASE WHEN grantable THEN '*' END) FROM (
  SELECT owner::regrole::text AS grantee, kind, sch, obj, col, '' AS effect, 'OWNER' AS privilege, false AS grantable FROM o WHERE owned
  UNION ALL
  SELECT CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE e.grantee::regrole::text END, kind, sch, obj, col, '', e.privilege_type, bool_or(e.is_grantable)
    FROM o CROSS JOIN aclexplode(acl) e WHERE e.grantee <> owner GROUP BY e.grantee, kind, sch, obj, col, e.privilege_type
  UNION ALL
  SELECT owner::regrole::text, kind, sch, obj, col, 'revoked', e.privilege_type, false
    FROM o CROSS JOIN aclexplode(born) e
   WHERE e.grantee = owner AND NOT EXISTS (
         SELECT FROM aclexplode(acl) a WHERE a.grantee = owner AND a.privilege_type = e.privilege_type)) AS line`

const catalogServer = `
WITH o (kind, sch, obj, col, owner, owned, acl, born) AS (
  SELECT 'database', '', datname::text, '', datdba, true, coalesce(datacl, acldefault('d', datdba)), acldefault('d', datdba) FROM pg_database)` +
	catalogLines

const catalogDatabase = `
WITH n AS (SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('app', 'public')),
o (kind, sch, obj, col, owner, owned, acl, born) AS (
  SELECT 'schema', current_database() || '|', nspname::text, '', nspowner, true, coalesce(nspacl, acldefault('n', nspowner)), acldefault('n', nspowner)
    FROM pg_namespace WHERE oid IN (SELECT oid FROM n)
  UNION ALL
  SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' ELSE 'sequence' END, current_database() || '|' || nspname, relname, '', relowner, true,
         coalesce(relacl, acldefault(k, relowner)), acldefault(k, relowner)
    FROM pg_class JOIN n ON n.oid = relnamespace CROSS JOIN LATERAL (SELECT CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char" AS k) AS kinds
   WHERE relkind IN ('r', 'v', 'S')
  UNION ALL
  SELECT 'column', current_database() || '|' || nspname, relname, attname, relowner, false, attacl, NULL
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN n ON n.oid = relnamespace WHERE attacl IS NOT NULL
  UNION ALL
  SELECT CASE prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, current_database() || '|' || nspname,
         proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', '', proowner, true,
         coalesce(proacl, acldefault('f', proowner)), acldefault('f', proowner)
    FROM pg_proc p JOIN n ON n.oid = pronamespace
  UNION ALL
  SELECT CASE typtype WHEN 'd' THEN 'domain' ELSE 'type' END, current_database() || '|' || nspname, typname, '', typowner, true,
         coalesce(typacl, acldefault('T', typowner)), acldefault('T', typowner)
    FROM pg_type JOIN n ON n.oid = typnamespace WHERE typtype IN ('d', 'e')
  UNION ALL
  SELECT 'foreign_data_wrapper', current_database() || '|', fdwname, '', fdwowner, true, coalesce(fdwacl, acldefault('F', fdwowner)), acldefault('F', fdwowner)
    FROM pg_foreign_data_wrapper
  UNION ALL
  SELECT 'foreign_server', current_database() || '|', srvname, '', srvowner, true, coalesce(srvacl, acldefault('S', srvowner)), acldefault('S', srvowner)
    FROM pg_foreign_server
  UNION ALL
  SELECT 'large_object', current_database() || '|', oid::text, '', lomowner, true, coalesce(lomacl, acldefault('L', lomowner)), acldefault('L', lomowner)
    FROM pg_largeobject_metadata
  UNION ALL
  SELECT 'default_privileges', current_database() || '|' || nspname, 'tables', '', defaclrole, false, defaclacl, NULL
    FROM pg_default_acl JOIN n ON n.oid = defaclnamespace)` + catalogLines

// lines asks the superuser.
func (s *server) lines(t *testing.T, database, query string) []string {
	t.Helper()
	rows, err := s.connect(t, database).Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func compareLines(t *testing.T, what string, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if len(want) == 0 {
		t.Errorf("%s: the catalogs say nothing", what)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (s snapshot) roleLines() []string {
	var all []string
	for _, a := range s.Accounts {
		if a.Kind == account.Public {
			continue
		}
		limit, ok := a.Attributes["connection_limit"]
		if !ok {
			limit = -1
		}
		all = append(all, strings.Join([]string{
			a.Name, letter(a.CanLogin), letter(a.Superuser), letter(a.Attributes["inherit"]), letter(a.Attributes["createrole"]),
			letter(a.Attributes["createdb"]), letter(a.Attributes["replication"]), letter(a.Attributes["bypassrls"]), fmt.Sprint(limit),
		}, "|"))
	}
	return all
}

func letter(v any) string {
	if v == true {
		return "t"
	}
	return "f"
}

func (s snapshot) membershipLines() []string {
	names := s.names()
	var all []string
	for _, a := range s.Accounts {
		for _, m := range a.Memberships {
			all = append(all, strings.Join([]string{a.Name, names[m.Role], names[m.Grantor], letter(m.Admin)}, "|"))
		}
	}
	return all
}

func (s snapshot) grantLines() []string {
	var all []string
	for _, a := range s.Accounts {
		name := a.Name
		if a.Kind != account.Public && strings.ContainsAny(name, " '\"%") {
			name = quote(name)
		}
		for _, g := range a.Grants {
			scope := g.Schema
			if g.Database != "" {
				scope = g.Database + "|" + g.Schema
			}
			for _, p := range g.Privileges {
				line := strings.Join([]string{name, g.Type, scope, g.Object, g.Column, string(g.Effect), p}, "|")
				if slices.Contains(g.Grantable, p) {
					line += "|*"
				}
				all = append(all, line)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all) // several may have granted the same
}
