package mysql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
)

// A server without roles, dynamic privileges and JSON:
// https://dev.mysql.com/doc/refman/5.7/en/grant-tables.html
func TestMySQL57ByItsManual(t *testing.T) {
	t.Parallel()
	granted := grantedColumns(t, "MySQL 5.7")
	server := mysql8(t).change(script{
		"VERSION()":                  rows(2, []string{"5.7.44-log", "MySQL Community Server (GPL)"}),
		"information_schema.COLUMNS": visible(granted),
		"FROM mysql.user": userTable(granted,
			user{"User": "root", "Host": "localhost", "has": "all"},
			user{"User": "app", "Host": "%", "has": "Repl_client_priv Show_db_priv", "account_locked": "Y", "password_expired": "Y"}),
	})
	for _, newer := range []string{"dbfleet.account_state", "mysql.role_edges", "mysql.default_roles", "mandatory_roles", "mysql.global_grants"} {
		server[newer] = refusal(1146, "there is no such table")
	}
	s, err := server.read(t)
	if err != nil || len(s.Gaps) > 0 || len(s.Accounts) != 2 || s.Server.Version != "5.7.44" {
		t.Fatalf("%+v, %v", s, err)
	}
	app := byIdentity(t, s, "app@%")
	if app.Kind != account.User || app.CanLogin || app.Attributes["locked"] != true || app.Attributes["password_expired"] != true {
		t.Errorf("a locked user, and no role: %+v", app)
	}
	if lines := grantLines(app); !slices.Contains(lines, "server||||REPLICATION CLIENT,SHOW DATABASES") {
		t.Errorf("grants %q", lines)
	}
}

// The dynamic privileges that came after 8.0 stand in the same table:
// https://dev.mysql.com/doc/refman/8.4/en/privileges-provided.html, and
// https://dev.mysql.com/doc/refman/9.5/en/privileges-provided.html
func TestNewerDynamicPrivilegesByTheirManual(t *testing.T) {
	t.Parallel()
	for version, privileges := range map[string][]string{
		"8.2.0": {"ALLOW_NONEXISTENT_DEFINER", "SET_ANY_DEFINER"},
		"8.4.3": {"FLUSH_PRIVILEGES", "OPTIMIZE_LOCAL_TABLE", "TRANSACTION_GTID_TAG"},
		"9.2.0": {"CREATE_SPATIAL_REFERENCE_SYSTEM"},
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var granted [][]string
			for _, privilege := range privileges {
				granted = append(granted, []string{"%", "app", privilege, "Y"})
			}
			s, err := mysql8(t).change(script{
				"VERSION()": rows(2, []string{version, "MySQL Community Server - GPL"}), "mysql.global_grants": rows(4, granted...),
			}).read(t)
			if err != nil || len(s.Gaps) > 0 {
				t.Fatalf("%v, %+v", err, s.Gaps)
			}
			all := strings.Join(privileges, ",")
			if lines := grantLines(byIdentity(t, s, "app@%")); !slices.Contains(lines, "dynamic||||"+all+"|"+all) {
				t.Errorf("grants %q", lines)
			}
		})
	}
}

// Libraries are routines from 9.2 on; all roles, and from 9.5 on the mandatory
// ones, may be active from the start:
// https://dev.mysql.com/doc/refman/9.5/en/grant.html, and
// https://dev.mysql.com/doc/refman/9.5/en/server-system-variables.html
func TestMySQL9ByItsManual(t *testing.T) {
	t.Parallel()
	base := mysql8(t).change(script{
		"VERSION()":        rows(2, []string{"9.5.0", "MySQL Community Server - GPL"}),
		"mysql.procs_priv": rows(6, []string{"%", "app", "shop", "math", "LIBRARY", "Execute"}),
		"mandatory_roles":  rows(3, []string{"r2", "0", "0"}),
	})
	for name, test := range map[string]struct {
		all, mandatory string
		active         bool
		settings       string
	}{
		"as by default":       {"0", "1", true, "[]"},
		"only default roles":  {"0", "0", false, "[]"},
		"all roles are":       {"1", "0", true, "[activate_all_roles_on_login=true]"},
		"all, twice over":     {"1", "1", true, "[activate_all_roles_on_login=true]"},
		"not before 9.5 asks": {"0", "", false, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := base.change(script{"@@global.activate_mandatory_roles": rows(3, []string{"r2", test.all, test.mandatory})})
			if test.mandatory == "" {
				server["VERSION()"] = rows(2, []string{"9.4.0", ""})
				server["@@global.activate_mandatory_roles"] = refusal(1193, "Unknown system variable")
			}
			s, err := server.read(t)
			if err != nil || len(s.Gaps) > 0 {
				t.Fatalf("%v, %+v", err, s.Gaps)
			}
			public := byIdentity(t, s, account.PublicIdentity)
			settings, _ := public.Attributes[account.AttributeSettings].([]string)
			if m := public.Memberships; len(m) != 1 || *m[0].Default != test.active || fmt.Sprint(settings) != test.settings {
				t.Errorf("memberships of everybody %+v, settings %q", m, settings)
			}
			if lines := grantLines(byIdentity(t, s, "app@%")); !slices.Contains(lines, "library|shop|math||EXECUTE") {
				t.Errorf("grants %q", lines)
			}
		})
	}
}

// What changes on a MySQL changes one account, also where the server keeps it in a
// variable.
func TestOneChangeOfMySQLIsOneChange(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, answers script) account.Snapshot {
		t.Helper()
		s, err := mysql8(t).change(answers).read(t)
		if err != nil || len(s.Gaps) > 0 {
			t.Fatalf("%v, %+v", err, s.Gaps)
		}
		return s
	}
	before := read(t, nil)
	for name, test := range map[string]struct {
		change script
		want   string
	}{
		"a default role":        {script{"mysql.default_roles": rows(4)}, "changed app@%"},
		"an admin option":       {script{"mysql.role_edges": rows(5, []string{"%", "app", "%", "r1", "N"}, []string{"%", "r1", "%", "r2", "N"})}, "changed app@%"},
		"a role of a role":      {script{"mysql.role_edges": rows(5, []string{"%", "app", "%", "r1", "Y"})}, "changed r1@%"},
		"a mandatory role":      {script{"mandatory_roles": rows(3, []string{"r2", "0", "0"})}, "changed public"},
		"activation at login":   {script{"mandatory_roles": rows(3, []string{"`r2`@`%`, r`3,'o''p'@'H.example.com' , r4@localhost", "1", "0"})}, "changed public"},
		"a dynamic privilege":   {script{"mysql.global_grants": rows(4, []string{"localhost", "root", "SYSTEM_USER", "Y"})}, "changed root@localhost"},
		"its grant option":      {script{"mysql.global_grants": rows(4, []string{"localhost", "root", "SYSTEM_USER", "Y"}, []string{"localhost", "root", "BACKUP_ADMIN", "Y"})}, "changed root@localhost"},
		"a partial revoke":      {script{"dbfleet.account_state": rows(7, []string{"%", "app", null, "3", "2", "1", `["authentication_ldap_simple", "authentication_fido"]`})}, "changed app@%"},
		"a second password":     {script{"dbfleet.account_state": rows(7, []string{"%", "app", `[{"Database": "mysql", "Privileges": ["SELECT"]}]`, "3", "2", "0", `["authentication_ldap_simple", "authentication_fido"]`})}, "changed app@%"},
		"nothing, reordered":    {script{"mysql.role_edges": rows(5, []string{"%", "r1", "%", "r2", "N"}, []string{"%", "app", "%", "r1", "Y"})}, ""},
		"the order of a list":   {script{"mandatory_roles": rows(3, []string{"r4@localhost,r`3,r2,'o''p'@h.example.com", "0", "0"})}, ""},
		"a grant to a stranger": {script{"mysql.columns_priv": rows(6, []string{"%", "app", "shop", "orders", "id", "Update"}, []string{"%", "gone", "shop", "orders", "id", "Update"})}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(changes(t, before, read(t, test.change)), ", "); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// An account may have more partial revokes than a text may have bytes.
func TestManyPartialRevokes(t *testing.T) {
	t.Parallel()
	const n = 3000
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"Database": "customer_%06d", "Privileges": ["SELECT", "INSERT"]}`, i))
	}
	s, err := mysql8(t).change(script{
		"dbfleet.account_state": rows(7, []string{"%", "app", "[" + strings.Join(list, ", ") + "]", null, null, "0", null}),
	}).read(t)
	if err != nil || len(s.Gaps) > 0 {
		t.Fatalf("%v, %+v", err, s.Gaps)
	}
	found := 0
	for _, line := range grantLines(byIdentity(t, s, "app@%")) {
		if strings.HasPrefix(line, "partial_revoke||customer_") && strings.HasSuffix(line, "||INSERT,SELECT||denied") {
			found++
		}
	}
	if found != n {
		t.Errorf("%d partial revokes, want %d", found, n)
	}
}

// mariaDB is what all versions answer alike.
func mariaDB(version string) script {
	unknown := refusal(1193, "Unknown system variable")
	return script{
		"VERSION()":                 rows(2, []string{version, "mariadb.org binary distribution"}),
		"@@server_uid":              unknown, // from 10.6.19 on, and later ones of the other series
		"@@hostname":                rows(3, []string{"h", "3306", "/var/lib/mysql/"}),
		"default_password_lifetime": rows(1, []string{"90"}),
		"mysql.roles_mapping":       rows(5, []string{"%", "app", "", "reader", "N"}, []string{"localhost", "root", "", "reader", "Y"}),
		"mysql.tables_priv":         rows(5, []string{"%", "app", "shop", "orders", "Select,Delete versioning rows"}),
		"mysql.columns_priv":        rows(6),
		"mysql.procs_priv":          rows(6, []string{"", "reader", "shop", "pkg", "PACKAGE BODY", "Execute"}),
		"mysql.proxies_priv":        rows(5),
	}
}

// Accounts stand in a table, and there are no locks and no ageing passwords:
// https://mariadb.com/kb/en/mysql-user-table/ and
// https://mariadb.com/kb/en/mysqlroles_mapping-table/
func TestMariaDB103ByItsManual(t *testing.T) {
	t.Parallel()
	granted := grantedColumns(t, "MariaDB 10.3")
	s, err := mariaDB("10.3.39-MariaDB-log").change(script{
		"default_password_lifetime":  refusal(1193, "Unknown system variable"),
		"information_schema.COLUMNS": visible(granted, "Delete_history_priv"),
		"FROM mysql.user": userTable(granted,
			user{"User": "root", "Host": "localhost", "has": "all", "max_statement_time": "0.000000"},
			user{"User": "app", "Host": "%", "has": "Repl_client_priv", "default_role": "reader", "max_statement_time": "1.500000"},
			user{"User": "reader", "Host": "", "is_role": "Y", "has": "Delete_history_priv"}),
		"FROM mysql.db": rows(23, append(dbRow("app", "%", "shop", "Select_priv"), "Y")),
	}).read(t)
	if err != nil || len(s.Gaps) > 0 || len(s.Accounts) != 3 {
		t.Fatalf("%+v, %v", s, err)
	}
	app, reader := byIdentity(t, s, "app@%"), byIdentity(t, s, "reader@")
	want := []string{"database||shop||DELETE HISTORY,SELECT", "server||||REPLICATION CLIENT", "table|shop|orders||DELETE HISTORY,SELECT"}
	if got := grantLines(app); !slices.Equal(got, want) || app.Attributes["max_statement_time_s"] != 1.5 {
		t.Errorf("%q, attributes %v", got, app.Attributes)
	}
	if !strings.HasPrefix(s.Server.Identity, account.PlaceIdentity) {
		t.Errorf("identity %q", s.Server.Identity)
	}
	if m := app.Memberships; len(m) != 1 || m[0].Role != "reader@" || m[0].Admin || !*m[0].Default {
		t.Errorf("memberships %+v", m)
	}
	if got := grantLines(reader); reader.Kind != account.Role || !slices.Equal(got, []string{"package_body|shop|pkg||EXECUTE", "server||||DELETE HISTORY"}) {
		t.Errorf("role %s with %q", reader.Kind, got)
	}
}

// A user without a host, as old tools have written into the table, is one of any
// host; his default role stays his.
func TestUserWithoutHostByItsManual(t *testing.T) {
	t.Parallel()
	state := append([]string{"", "old", "0", null, "mysql_native_password"}, slices.Repeat([]string{null}, 14)...)
	s, err := mariaDB("10.4.34-MariaDB").change(script{
		"information_schema.COLUMNS": visible(nil, "Delete_history_priv"),
		"dbfleet.account_state": rows(20, append(state, "reader"),
			append([]string{"", "reader", "0"}, append(slices.Repeat([]string{null}, 15), "1", null)...)),
		"mysql.roles_mapping": rows(5, []string{"", "old", "", "reader", "N"}),
		"FROM mysql.db":       rows(23),
		"mysql.procs_priv":    rows(6), "mysql.tables_priv": rows(5),
	}).read(t)
	if err != nil || len(s.Gaps) > 0 {
		t.Fatalf("%v, %+v", err, s.Gaps)
	}
	old := byIdentity(t, s, "old@%")
	if m := old.Memberships; len(m) != 1 || m[0].Role != "reader@" || !*m[0].Default {
		t.Errorf("memberships %+v, attributes %v", m, old.Attributes)
	}
}

// Later versions differ in the bits of an account, and in the columns for SHOW
// CREATE ROUTINE, which 11.3 has:
// https://mariadb.com/kb/en/mysqlglobal_priv-table/ and https://mariadb.com/kb/en/grant/
func TestLaterMariaDBsByTheirManual(t *testing.T) {
	t.Parallel()
	state := func(user, host, access, written string, more ...string) []string {
		return append([]string{host, user, access, written, "mysql_native_password"}, append(more, slices.Repeat([]string{null}, 15-len(more))...)...)
	}
	for version, test := range map[string]struct {
		access, written string
		column, routine string
		want            []string
	}{
		"10.4.34-MariaDB": {"1048576", null, "", "Execute", []string{
			"database||shop||SELECT", "function|shop|tax||EXECUTE", "server||||REPLICATION CLIENT", "table|shop|orders||DELETE HISTORY,SELECT",
		}},
		"11.4.2-MariaDB-ubu2404": {"549755813889", "110402", "Show_create_routine_priv", "Execute,Show Create Routine", []string{
			"database||shop||SELECT,SHOW CREATE ROUTINE", "function|shop|tax||EXECUTE,SHOW CREATE ROUTINE",
			"server||||SELECT,SHOW CREATE ROUTINE", "table|shop|orders||DELETE HISTORY,SELECT",
		}},
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			columns, db := []string{"Delete_history_priv"}, append(dbRow("app", "%", "shop", "Select_priv"), "N")
			if test.column != "" {
				columns, db = append(columns, test.column), append(db, "Y")
			}
			s, err := mariaDB(version).change(script{
				"information_schema.COLUMNS": visible(nil, columns...),
				"dbfleet.account_state":      rows(20, state("app", "%", test.access, test.written), state("reader", "", "0", test.written)),
				"FROM mysql.db":              rows(len(db), db),
				"mysql.procs_priv":           rows(6, []string{"%", "app", "shop", "tax", "FUNCTION", test.routine}),
			}).read(t)
			if err != nil || len(s.Gaps) > 0 {
				t.Fatalf("%v, %+v", err, s.Gaps)
			}
			if got := grantLines(byIdentity(t, s, "app@%")); !slices.Equal(got, test.want) {
				t.Errorf("grants\n%q, want\n%q", got, test.want)
			}
		})
	}
}
