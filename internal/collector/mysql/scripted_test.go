package mysql_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// These tests run against a scripted server. What it answers is written by hand,
// not yet run against a live server, after:
//
//   - the grant tables: https://dev.mysql.com/doc/refman/8.0/en/grant-tables.html
//     and https://dev.mysql.com/doc/refman/5.7/en/grant-tables.html, checked
//     against the tables that the servers' own script makes;
//   - partial revokes: https://dev.mysql.com/doc/refman/8.0/en/partial-revokes.html;
//   - roles: https://dev.mysql.com/doc/refman/8.0/en/roles.html and create-role.html;
//     which end of an edge is the role: see sqlRoleEdges;
//   - the versions' own, where they are used.

// An answer to a statement.
type answer func(w *wire, query string)

// A script answers a statement that contains a text.
type script map[string]answer

func rows(columns int, all ...[]string) answer {
	return func(w *wire, _ string) { w.reply(columns, all...) }
}

func refusal(number uint16, words string) answer {
	return func(w *wire, _ string) { w.refuse(number, words) }
}

// run serves every connection by the script. The longest text that a statement
// contains decides.
func (s script) run(t *testing.T) *collectortest.Fake {
	t.Helper()
	return collectortest.Serve(t, func(_ context.Context, c net.Conn) {
		serve(c, func(w *wire, query string) {
			best := ""
			for text := range s {
				if strings.Contains(query, text) && len(text) > len(best) {
					best = text
				}
			}
			if best == "" {
				w.refuse(1146, "Table of "+query+" doesn't exist")
				return
			}
			s[best](w, query)
		})
	})
}

func (s script) read(t *testing.T) (account.Snapshot, error) {
	t.Helper()
	fake := s.run(t)
	return mysql.New(localDialer(t), nil).ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), fleet.Limits{}, nil)
}

// change returns a copy with other answers.
func (s script) change(answers script) script {
	s = maps.Clone(s)
	maps.Copy(s, answers)
	return s
}

func databaseColumns() []string {
	return strings.Fields("Select_priv Insert_priv Update_priv Delete_priv Create_priv Drop_priv Grant_priv References_priv " +
		"Index_priv Alter_priv Create_tmp_table_priv Lock_tables_priv Create_view_priv Show_view_priv Create_routine_priv " +
		"Alter_routine_priv Execute_priv Event_priv Trigger_priv")
}

// dbRow is a row of mysql.db.
func dbRow(user, host, db string, has ...string) []string {
	row := []string{host, user, db}
	for _, column := range databaseColumns() {
		row = append(row, map[bool]string{true: "Y", false: "N"}[slices.Contains(has, column)])
	}
	return row
}

// mysql8 is a server with an administrator, an application and three roles.
func mysql8(t *testing.T) script {
	t.Helper()
	granted := grantedColumns(t, "MySQL from 8.0 on")
	return script{
		"VERSION()":                  rows(2, []string{"8.0.36", "MySQL Community Server - GPL"}),
		"@@server_uuid":              rows(1, []string{"3e11fa47-71ca-11e1-9e33-c80aa9429562"}),
		"default_password_lifetime":  rows(1, []string{"0"}),
		"information_schema.COLUMNS": visible(granted),
		"FROM mysql.user": userTable(granted,
			user{"User": "root", "Host": "localhost", "has": "all"},
			user{
				"User": "app", "Host": "%", "has": "Select_priv Create_role_priv", "plugin": "caching_sha2_password", "ssl_type": "ANY",
				"password_last_changed": "1700000000", "password_lifetime": "90", "max_user_connections": "7",
			},
			user{"User": "r1", "Host": "%", "account_locked": "Y", "password_expired": "Y", "password_last_changed": "1700000000"},
			user{"User": "r2", "Host": "%", "account_locked": "Y", "password_expired": "Y"},
			user{"User": "mysql.sys", "Host": "localhost", "account_locked": "Y"}),
		"dbfleet.account_state": rows(7,
			[]string{"%", "app", `[{"Database": "mysql", "Privileges": ["SELECT"]}]`, "3", "2", "1", `["authentication_ldap_simple", "authentication_fido"]`}),
		"mysql.role_edges":    rows(5, []string{"%", "app", "%", "r1", "Y"}, []string{"%", "r1", "%", "r2", "N"}),
		"mysql.default_roles": rows(4, []string{"%", "app", "%", "r1"}),
		"mandatory_roles":     rows(3, []string{"`r2`@`%`, r`3,'o''p'@'H.example.com' , r4@localhost", "0", "0"}),
		"FROM mysql.db":       rows(22, dbRow("app", "%", `shop\_%`, "Select_priv", "Create_tmp_table_priv", "Grant_priv")),
		"mysql.tables_priv":   rows(5, []string{"%", "app", "shop", "orders", "Select,Show view,Grant"}),
		"mysql.columns_priv":  rows(6, []string{"%", "app", "shop", "orders", "id", "Update"}),
		"mysql.procs_priv":    rows(6, []string{"%", "app", "shop", "Bill", "PROCEDURE", "Execute,Alter Routine"}),
		"mysql.proxies_priv":  rows(5, []string{"localhost", "root", "", "", "1"}),
		"mysql.global_grants": rows(4, []string{"localhost", "root", "SYSTEM_USER", "Y"}, []string{"localhost", "root", "BACKUP_ADMIN", "N"}),
	}
}

func byIdentity(t *testing.T, s account.Snapshot, id string) account.Account {
	t.Helper()
	i := slices.IndexFunc(s.Accounts, func(a account.Account) bool { return a.Identity == id })
	if i < 0 {
		t.Fatalf("no account %s", id)
	}
	return s.Accounts[i].Canonical()
}

func grantLines(a account.Account) []string {
	var all []string
	for _, g := range a.Grants {
		parts := []string{g.Type, g.Schema, g.Object, g.Column, strings.Join(g.Privileges, ","), strings.Join(g.Grantable, ","), string(g.Effect)}
		all = append(all, strings.TrimRight(strings.Join(parts, "|"), "|"))
	}
	return all
}

func TestMySQL8ByItsManual(t *testing.T) {
	t.Parallel()
	s, err := mysql8(t).read(t)
	if err != nil || len(s.Gaps) > 0 {
		t.Fatalf("%v, gaps %+v", err, s.Gaps)
	}
	if s.Server != (fleet.Server{Flavour: "mysql", Version: "8.0.36", Identity: "3e11fa47-71ca-11e1-9e33-c80aa9429562"}) {
		t.Errorf("server %+v", s.Server)
	}
	app := byIdentity(t, s, "app@%")
	want := []string{
		"column|shop|orders|id|UPDATE", "database||shop\\_%||CREATE TEMPORARY TABLES,SELECT|CREATE TEMPORARY TABLES,SELECT",
		"partial_revoke||mysql||SELECT||denied", "procedure|shop|Bill||ALTER ROUTINE,EXECUTE", "server||||CREATE ROLE,SELECT",
		"table|shop|orders||SELECT,SHOW VIEW|SELECT,SHOW VIEW",
	}
	if got := grantLines(app); !slices.Equal(got, want) {
		t.Errorf("grants\n%q, want\n%q", got, want)
	}
	if m := app.Memberships; len(m) != 1 || m[0].Role != "r1@%" || !m[0].Admin || !*m[0].Default {
		t.Errorf("memberships %+v", m)
	}
	settings := []string{"factor_2=authentication_ldap_simple", "factor_3=authentication_fido", "failed_login_attempts=3", "password_lock_time_days=2", "second_password=true"}
	if got, _ := app.Attributes[account.AttributeSettings].([]string); !slices.Equal(got, settings) {
		t.Errorf("settings %q", got)
	}
	if app.Attributes["max_user_connections"] != int64(7) ||
		app.ValidUntil == nil || app.Attributes["tls_required"] != "tls" {
		t.Errorf("attributes %+v until %v", app.Attributes, app.ValidUntil)
	}
}

func TestMySQL8RolesByItsManual(t *testing.T) {
	t.Parallel()
	s, err := mysql8(t).read(t)
	if err != nil {
		t.Fatal(err)
	}
	if r1 := byIdentity(t, s, "r1@%"); r1.Kind != account.Role || r1.CanLogin || len(r1.Memberships) != 1 || r1.ValidUntil != nil {
		t.Errorf("role %+v", r1)
	}
	var roles []string
	for _, m := range byIdentity(t, s, account.PublicIdentity).Memberships {
		roles = append(roles, m.Role)
		if m.Default == nil || *m.Default {
			t.Errorf("%s is active from the start", m.Role)
		}
	}
	if !slices.Equal(roles, []string{"o'p@h.example.com", "r2@%", "r4@localhost", "r`3@%"}) {
		t.Errorf("mandatory roles %q", roles)
	}
	if a := byIdentity(t, s, "mysql.sys@localhost"); !a.System || a.CanLogin {
		t.Errorf("system account %+v", a)
	}
	root := byIdentity(t, s, "root@localhost")
	want := []string{"dynamic||||BACKUP_ADMIN,SYSTEM_USER|SYSTEM_USER", "proxy||@||PROXY|PROXY"}
	if got := grantLines(root); !root.Superuser || root.System || !slices.Equal(got[:2], want) || len(got) != 3 {
		t.Errorf("root has %q", got)
	}
}

func TestWhatIsRefusedIsAGap(t *testing.T) {
	t.Parallel()
	for text, kinds := range map[string][]string{
		"FROM mysql.db":         {"database"},
		"mysql.tables_priv":     {"table"},
		"mysql.columns_priv":    {"column"},
		"mysql.procs_priv":      {"function", "procedure", "package", "package_body", "library"},
		"mysql.proxies_priv":    {"proxy"},
		"mysql.global_grants":   {"dynamic"},
		"mysql.role_edges":      {account.GapMemberships, account.GapSettings},
		"mysql.default_roles":   {account.GapMemberships, account.GapSettings},
		"mandatory_roles":       {account.GapMemberships, account.GapSettings},
		"dbfleet.account_state": {mysql.GapPartialRevokes, account.GapSettings},
		"@@server_uuid":         {"identity"},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			s, err := mysql8(t).change(script{text: refusal(1142, "SELECT command denied to fake-Pa55word")}).read(t)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, gap := range s.Gaps {
				got = append(got, gap.Type)
				if gap.Code != session.CodePermission || strings.Contains(gap.Reason, "fake-Pa55word") {
					t.Errorf("gap %+v", gap)
				}
			}
			if !slices.Equal(got, kinds) || len(s.Accounts) != 6 {
				t.Errorf("gaps %q, %d accounts; want %q", got, len(s.Accounts), kinds)
			}
		})
	}
}

func TestWhatMustNotBeMissingFails(t *testing.T) {
	t.Parallel()
	granted := grantedColumns(t, "MySQL from 8.0 on")
	without := slices.DeleteFunc(slices.Clone(granted), func(column string) bool { return column == "Drop_role_priv" })
	for name, test := range map[string]struct {
		change script
		code   session.Code
		words  string
	}{
		"a column of a privilege": {script{"information_schema.COLUMNS": visible(without)}, session.CodePermission, "Drop_role_priv"},
		"the accounts":            {script{"FROM mysql.user": refusal(1142, "denied")}, session.CodePermission, ""},
		"too few columns":         {script{"mysql.tables_priv": rows(4)}, session.CodeProtocol, "columns"},
		"the server's life":       {script{"mysql.tables_priv": func(w *wire, _ string) { _ = w.c.Close() }}, session.CodeReset, ""},
		"a relative":              {script{"VERSION()": rows(2, []string{"5.7.25-TiDB-v7.1.0", ""})}, session.CodeUnsupported, ""},
		"the JSON":                {script{"dbfleet.account_state": rows(7, []string{"%", "app", "{", "", "", "", null})}, session.CodeProtocol, "partial"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := mysql8(t).change(test.change).read(t)
			var f *session.Fault
			if !errors.As(err, &f) || f.Code != test.code || !strings.Contains(f.Error(), test.words) || len(s.Accounts) > 0 {
				t.Errorf("%v, want %s with %q", err, test.code, test.words)
			}
		})
	}
}

func TestEveryStatementIsObserved(t *testing.T) {
	t.Parallel()
	seen := map[session.Phase]int{}
	observe := func(engine fleet.Engine, phase session.Phase, took time.Duration) {
		if engine != fleet.MySQL || took <= 0 {
			t.Errorf("%s %s took %s", engine, phase, took)
		}
		seen[phase]++
	}
	fake := mysql8(t).change(script{"mysql.proxies_priv": refusal(1142, "SELECT command denied")}).run(t)
	if _, err := mysql.New(localDialer(t), observe).ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), fleet.Limits{}, nil); err != nil {
		t.Fatal(err)
	}
	for _, phase := range []string{"version", "settings", "accounts", "memberships", "database_grants", "proxy_grants"} {
		if seen[session.PhaseQuery(phase)] == 0 {
			t.Errorf("nothing seen of %s: %v", phase, seen)
		}
	}
	if n := seen[session.PhaseQuery("proxy_grants")]; n != 1 {
		t.Errorf("the refused statement was counted %d times", n)
	}
	if len(seen) > 20 {
		t.Errorf("the phases are no fixed set: %v", seen)
	}
}
