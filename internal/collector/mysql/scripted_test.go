package mysql_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// These tests run against a scripted server. What it answers is written by hand
// after the reference manuals of MySQL 5.7 and 8.0 (grant tables, role_edges,
// default_roles, partial revokes); no live MySQL was asked.

// A script answers a statement that contains a text.
type script map[string]func(w *wire)

func rows(columns int, all ...[]string) func(w *wire) {
	return func(w *wire) { w.reply(columns, all...) }
}

func refusal(number uint16, words string) func(w *wire) {
	return func(w *wire) { w.refuse(number, words) }
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
			s[best](w)
		})
	})
}

func (s script) read(t *testing.T) (account.Snapshot, error) {
	t.Helper()
	fake := s.run(t)
	return mysql.New(localDialer(t)).ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), fleet.Limits{}, nil)
}

func databaseColumns() []string {
	return strings.Fields("Select_priv Insert_priv Update_priv Delete_priv Create_priv Drop_priv Grant_priv References_priv " +
		"Index_priv Alter_priv Create_tmp_table_priv Lock_tables_priv Create_view_priv Show_view_priv Create_routine_priv " +
		"Alter_routine_priv Execute_priv Event_priv Trigger_priv")
}

func userPrivileges() []string {
	return append(databaseColumns(), strings.Fields("Reload_priv Shutdown_priv Process_priv File_priv Show_db_priv Super_priv "+
		"Repl_slave_priv Repl_client_priv Create_user_priv Create_tablespace_priv")...)
}

// layoutRows are the columns that information_schema shows.
func layoutRows(userColumns []string) [][]string {
	var all [][]string
	for _, column := range slices.Concat([]string{"Host", "Db", "User"}, databaseColumns()) {
		all = append(all, []string{"db", column})
	}
	for _, column := range slices.Concat(strings.Fields("Host User plugin ssl_type ssl_cipher x509_issuer x509_subject max_questions "+
		"max_updates max_connections max_user_connections password_expired account_locked password_last_changed password_lifetime"),
		userColumns) {
		all = append(all, []string{"user", column})
	}
	return all
}

// userRow is a row of mysql.user: the parts that differ, then who has which of
// the columns of privileges.
func userRow(user, host, expired, locked, changed, lifetime string, columns []string, has ...string) []string {
	row := []string{host, user, "caching_sha2_password", "ANY", "", "", "", "0", "0", "0", "7", expired, locked, changed, lifetime, null, null, null}
	for _, column := range columns {
		if slices.Contains(has, column) {
			row = append(row, "Y")
			continue
		}
		row = append(row, "N")
	}
	return row
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
func mysql8() script {
	columns := append(userPrivileges(), "Create_role_priv", "Drop_role_priv")
	width := 18 + len(columns)
	return script{
		"VERSION()":                  rows(2, []string{"8.0.36", "MySQL Community Server - GPL"}),
		"@@server_uuid":              rows(1, []string{"3e11fa47-71ca-11e1-9e33-c80aa9429562"}),
		"default_password_lifetime":  rows(1, []string{"0"}),
		"information_schema.COLUMNS": rows(2, layoutRows(columns)...),
		"FROM mysql.user": rows(width,
			userRow("root", "localhost", "N", "N", "1700000000", null, columns, columns...),
			userRow("app", "%", "N", "N", "1700000000", "90", columns, "Select_priv", "Create_role_priv"),
			userRow("r1", "%", "Y", "Y", "1700000000", null, columns),
			userRow("r2", "%", "Y", "Y", "1700000000", null, columns),
			userRow("mysql.sys", "localhost", "N", "Y", "1700000000", null, columns)),
		"dbfleet.account_state": rows(6,
			[]string{"%", "app", `[{"Database": "mysql", "Privileges": ["SELECT"]}]`, "3", "2", "1"}),
		"mysql.role_edges":    rows(5, []string{"%", "app", "%", "r1", "Y"}, []string{"%", "r1", "%", "r2", "N"}),
		"mysql.default_roles": rows(4, []string{"%", "app", "%", "r1"}),
		"mandatory_roles":     rows(1, []string{"`r2`@`%`, r`3"}),
		"FROM mysql.db":       rows(22, dbRow("app", "%", `shop\_%`, "Select_priv", "Create_tmp_table_priv", "Grant_priv")),
		"mysql.tables_priv":   rows(5, []string{"%", "app", "shop", "orders", "Select,Show view,Grant"}),
		"mysql.columns_priv":  rows(6, []string{"%", "app", "shop", "orders", "id", "Update"}),
		"mysql.procs_priv":    rows(6, []string{"%", "app", "shop", "bill", "PROCEDURE", "Execute"}),
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
	s, err := mysql8().read(t)
	if err != nil || len(s.Gaps) > 0 {
		t.Fatalf("%v, gaps %+v", err, s.Gaps)
	}
	if s.Server != (fleet.Server{Flavour: "mysql", Version: "8.0.36", Identity: "3e11fa47-71ca-11e1-9e33-c80aa9429562"}) {
		t.Errorf("server %+v", s.Server)
	}
	app := byIdentity(t, s, "app@%")
	want := []string{
		"column|shop|orders|id|UPDATE", "database||shop\\_%||CREATE TEMPORARY TABLES,SELECT|CREATE TEMPORARY TABLES,SELECT",
		"partial_revoke||mysql||SELECT||denied", "procedure|shop|bill||EXECUTE", "server||||CREATE ROLE,SELECT",
		"table|shop|orders||SELECT,SHOW VIEW|SELECT,SHOW VIEW",
	}
	if got := grantLines(app); !slices.Equal(got, want) {
		t.Errorf("grants\n%q, want\n%q", got, want)
	}
	if m := app.Memberships; len(m) != 1 || m[0].Role != "r1@%" || !m[0].Admin || !*m[0].Default {
		t.Errorf("memberships %+v", m)
	}
	settings := []string{"failed_login_attempts=3", "password_lock_time_days=2", "second_password=true"}
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
	s, err := mysql8().read(t)
	if err != nil {
		t.Fatal(err)
	}
	if r1 := byIdentity(t, s, "r1@%"); r1.Kind != account.Role || r1.CanLogin || len(r1.Memberships) != 1 || r1.ValidUntil != nil {
		t.Errorf("role %+v", r1)
	}
	var roles []string
	for _, m := range byIdentity(t, s, account.PublicIdentity).Memberships {
		roles = append(roles, m.Role)
	}
	if !slices.Equal(roles, []string{"r2@%", "r`3@%"}) {
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

func TestMySQL57ByItsManual(t *testing.T) {
	t.Parallel()
	columns := userPrivileges()
	server := mysql8()
	server["VERSION()"] = rows(2, []string{"5.7.44-log", "MySQL Community Server (GPL)"})
	server["information_schema.COLUMNS"] = rows(2, layoutRows(columns)...)
	server["FROM mysql.user"] = rows(18+len(columns), userRow("app", "%", "N", "N", "1700000000", null, columns, "Select_priv"))
	for _, newer := range []string{"dbfleet.account_state", "mysql.role_edges", "mysql.default_roles", "mandatory_roles", "mysql.global_grants"} {
		server[newer] = refusal(1146, "there is no such table")
	}
	s, err := server.read(t)
	if err != nil || len(s.Gaps) > 0 || len(s.Accounts) != 1 || s.Server.Version != "5.7.44" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestWhatIsRefusedIsAGap(t *testing.T) {
	t.Parallel()
	for text, kinds := range map[string][]string{
		"FROM mysql.db":         {"database"},
		"mysql.tables_priv":     {"table"},
		"mysql.columns_priv":    {"column"},
		"mysql.procs_priv":      {"function", "procedure", "package", "package_body"},
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
			server := mysql8()
			server[text] = refusal(1142, "SELECT command denied to fake-Pa55word")
			if text == "dbfleet.account_state" {
				server["JSON_EXTRACT(User_attributes"] = server[text]
			}
			s, err := server.read(t)
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
	columns := append(userPrivileges(), "Create_role_priv")
	for name, test := range map[string]struct {
		change map[string]func(*wire)
		code   session.Code
		words  string
	}{
		"a column of a privilege": {map[string]func(*wire){"information_schema.COLUMNS": rows(2, layoutRows(columns)...)}, session.CodePermission, "Drop_role_priv"},
		"the accounts":            {map[string]func(*wire){"FROM mysql.user": refusal(1142, "denied")}, session.CodePermission, ""},
		"too few columns":         {map[string]func(*wire){"mysql.tables_priv": rows(4)}, session.CodeProtocol, "columns"},
		"the server's life":       {map[string]func(*wire){"mysql.tables_priv": func(w *wire) { _ = w.c.Close() }}, session.CodeReset, ""},
		"a relative":              {map[string]func(*wire){"VERSION()": rows(2, []string{"5.7.25-TiDB-v7.1.0", ""})}, session.CodeUnsupported, ""},
		"the JSON":                {map[string]func(*wire){"dbfleet.account_state": rows(6, []string{"%", "app", "{", "", "", ""})}, session.CodeProtocol, "partial"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mysql8()
			for text, answer := range test.change {
				server[text] = answer
			}
			s, err := server.read(t)
			var f *session.Fault
			if !errors.As(err, &f) || f.Code != test.code || !strings.Contains(f.Error(), test.words) || len(s.Accounts) > 0 {
				t.Errorf("%v, want %s with %q", err, test.code, test.words)
			}
		})
	}
}
