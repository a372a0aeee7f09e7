package mysql_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/netguard"
)

func localDialer(t testing.TB) *netguard.Dialer {
	t.Helper()
	policy, err := netguard.ParsePolicy("127.0.0.0/8:*")
	if err != nil {
		t.Fatal(err)
	}
	return &netguard.Dialer{Policy: policy}
}

// read reads a target and allows no gap.
func read(t testing.TB, target fleet.Target) account.Snapshot {
	t.Helper()
	s, err := mysql.New(localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, gap := range s.Gaps {
		t.Fatalf("gap: %+v", gap)
	}
	return s
}

func startFleet(t testing.TB) *server {
	t.Helper()
	s := start(t)
	s.Exec(t, "", fleetStatements()...)
	return s
}

// fleetStatements make accounts with everything that can be granted.
func fleetStatements() []string {
	return []string{
		"CREATE DATABASE shop", "CREATE TABLE shop.orders (id int, total int)", "CREATE TABLE shop.items (id int)",
		"CREATE PROCEDURE shop.bill() SELECT 1", "CREATE FUNCTION shop.tax() RETURNS int RETURN 1",
		"CREATE USER ann@'%' IDENTIFIED BY 'known-Pa55' REQUIRE X509 WITH MAX_QUERIES_PER_HOUR 5 MAX_STATEMENT_TIME 2.5",
		"CREATE USER ann@'10.%'", "CREATE USER Ann@'LOCALHOST'", "CREATE USER ''@'%'", "CREATE USER 'o\\'neil'@'%'", "CREATE USER `a@b`@'%'",
		"CREATE USER boss@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('known-Pa55') OR unix_socket",
		"CREATE USER gone@'%' ACCOUNT LOCK", "CREATE USER proxy@'%'",
		"CREATE ROLE reader", "CREATE ROLE writer",
		"GRANT ALL ON *.* TO boss@'%' WITH GRANT OPTION", "GRANT SELECT, PROCESS, BINLOG MONITOR ON *.* TO ann@'%'",
		"GRANT USAGE ON *.* TO ann@'10.%' WITH GRANT OPTION",
		"GRANT ALL ON `sh\\_%`.* TO ann@'%'", "GRANT SELECT, CREATE TEMPORARY TABLES, LOCK TABLES ON shop.* TO ''@'%' WITH GRANT OPTION",
		"GRANT SELECT (id), INSERT (id, total), UPDATE ON shop.orders TO ann@'%' WITH GRANT OPTION",
		"GRANT SELECT (id) ON shop.items TO `a@b`@'%'", "GRANT ALL ON shop.items TO 'o\\'neil'@'%'",
		"GRANT SELECT, DELETE HISTORY, CREATE VIEW, SHOW VIEW ON shop.items TO reader",
		"GRANT EXECUTE ON PROCEDURE shop.bill TO ann@'%'", "GRANT ALTER ROUTINE, EXECUTE ON FUNCTION shop.tax TO reader WITH GRANT OPTION",
		"GRANT PROXY ON ann@'%' TO proxy@'%' WITH GRANT OPTION", "GRANT PROXY ON boss@'%' TO proxy@'%'",
		"GRANT reader TO writer", "GRANT writer TO ann@'%' WITH ADMIN OPTION", "GRANT reader TO ann@'%'",
		"SET DEFAULT ROLE writer FOR ann@'%'", "GRANT SELECT ON shop.items TO PUBLIC", "GRANT SHOW DATABASES ON *.* TO PUBLIC",
		"GRANT SUPER ON *.* TO writer",
	}
}

// TestGrantsAreThoseOfTheServer compares with SHOW GRANTS, which root asks for
// every account: no more and no less.
func TestGrantsAreThoseOfTheServer(t *testing.T) {
	t.Parallel()
	s := startFleet(t)
	found := read(t, s.Target())
	if n := s.count(t, "SELECT count(*) FROM mysql.global_priv"); n != len(found.Accounts) {
		t.Errorf("%d accounts, the server has %d", len(found.Accounts), n)
	}
	for _, a := range found.Accounts {
		want := shown(t, s, a)
		if got := told(a); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", a.Identity, got, want)
		}
	}
}

// told writes what was read of an account as SHOW GRANTS would, one privilege a
// line.
func told(a account.Account) []string {
	var all []string
	for _, g := range a.Grants {
		object := place(g)
		for _, p := range g.Privileges {
			if p == "GRANT OPTION" {
				continue // it stands in all lines of the object
			}
			if g.Column != "" {
				p += " (" + name(g.Column) + ")"
			}
			all = append(all, p+" ON "+object)
		}
		if len(g.Grantable) > 0 {
			all = append(all, "GRANT OPTION ON "+object)
		}
	}
	for _, m := range a.Memberships {
		role := strings.TrimSuffix(m.Role, "@")
		all = append(all, "ROLE "+name(role))
		if m.Admin {
			all = append(all, "ADMIN OF "+name(role))
		}
		if m.Default != nil && *m.Default {
			all = append(all, "DEFAULT "+name(role))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func place(g account.Grant) string {
	switch g.Type {
	case "server":
		return "*.*"
	case "database":
		return name(g.Object) + ".*"
	case "table", "column":
		return name(g.Schema) + "." + name(g.Object)
	case "proxy":
		user, host, _ := strings.Cut(g.Object, "@")
		return name(user) + "@" + name(cmp.Or(host, "%"))
	}
	return strings.ToUpper(g.Type) + " " + name(g.Schema) + "." + name(g.Object)
}

// shown asks the server and writes its answer in the same form.
func shown(t *testing.T, s *server, a account.Account) []string {
	t.Helper()
	who := text(a.Name) + "@" + text(a.Host)
	if a.Kind != account.User {
		who = name(a.Name)
		if a.Kind == account.Public {
			who = "PUBLIC"
		}
	}
	var all []string
	for _, line := range s.lines(t, "SHOW GRANTS FOR "+who) {
		all = append(all, parseShown(line, who)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// parseShown reads one line of SHOW GRANTS. Those of other accounts, which an
// account sees through its roles and PUBLIC, are left out.
func parseShown(line, who string) []string {
	line = strings.ReplaceAll(line, "'", "`")
	who = strings.ReplaceAll(strings.ReplaceAll(who, `\'`, "`"), "'", "`")
	if role, ok := strings.CutPrefix(line, "SET DEFAULT ROLE "); ok {
		role, _, _ = strings.Cut(role, " FOR ")
		return []string{"DEFAULT " + role}
	}
	line = strings.TrimPrefix(line, "GRANT ")
	what, to, _ := cutLast(line, " TO ")
	if to != who && !strings.HasPrefix(to, who+" ") {
		return nil
	}
	privileges, object, onObject := cutLast(what, " ON ")
	if !onObject {
		all := []string{"ROLE " + what}
		if strings.Contains(to, "WITH ADMIN OPTION") {
			all = append(all, "ADMIN OF "+what)
		}
		return all
	}
	var all []string
	for _, p := range splitPrivileges(privileges, object) {
		all = append(all, p+" ON "+object)
	}
	if strings.Contains(to, "WITH GRANT OPTION") {
		all = append(all, "GRANT OPTION ON "+object)
	}
	return all
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// splitPrivileges returns "SELECT (`a`)" for each column, and spells ALL out.
func splitPrivileges(list, object string) []string {
	var all []string
	for list != "" {
		end := strings.IndexAny(list, ",(")
		if end < 0 {
			return append(all, spelled(list, object)...)
		}
		word := strings.TrimSpace(list[:end])
		if list[end] == ',' {
			all = append(all, spelled(word, object)...)
			list = strings.TrimSpace(list[end+1:])
			continue
		}
		columns, rest, _ := strings.Cut(list[end+1:], ")")
		for _, column := range strings.Split(columns, ", ") {
			all = append(all, word+" ("+column+")")
		}
		list = strings.TrimLeft(rest, ", ")
	}
	return all
}

// spelled returns what ALL means in MariaDB 10.11; USAGE is nothing.
func spelled(word, object string) []string {
	database := []string{
		"ALTER", "ALTER ROUTINE", "CREATE", "CREATE ROUTINE", "CREATE TEMPORARY TABLES", "CREATE VIEW", "DELETE",
		"DELETE HISTORY", "DROP", "EVENT", "EXECUTE", "INDEX", "INSERT", "LOCK TABLES", "REFERENCES", "SELECT",
		"SHOW VIEW", "TRIGGER", "UPDATE",
	}
	server := []string{
		"BINLOG ADMIN", "BINLOG MONITOR", "BINLOG REPLAY", "CONNECTION ADMIN", "CREATE TABLESPACE", "CREATE USER",
		"FEDERATED ADMIN", "FILE", "PROCESS", "READ_ONLY ADMIN", "RELOAD", "REPLICATION MASTER ADMIN",
		"REPLICATION SLAVE", "REPLICATION SLAVE ADMIN", "SET USER", "SHOW DATABASES", "SHUTDOWN", "SLAVE MONITOR", "SUPER",
	}
	switch {
	case word == "USAGE":
		return nil
	case word != "ALL PRIVILEGES":
		return []string{word}
	case object == "*.*":
		return slices.Concat(database, server)
	case strings.HasSuffix(object, ".*"):
		return database
	}
	return slices.DeleteFunc(database, func(p string) bool {
		return slices.Contains([]string{"ALTER ROUTINE", "CREATE ROUTINE", "CREATE TEMPORARY TABLES", "EVENT", "EXECUTE", "LOCK TABLES"}, p)
	})
}

// TestNoHashIsSeen looks for the hash of a known password in all that was read.
func TestNoHashIsSeen(t *testing.T) {
	t.Parallel()
	s := startFleet(t)
	hash := s.lines(t, "SELECT PASSWORD('known-Pa55')")[0]
	if all := fmt.Sprintf("%+v", read(t, s.Target())); strings.Contains(all, hash[1:]) || strings.Contains(all, "authentication_string") {
		t.Error("the hash was read")
	}
	config := s.ConfigFor(minimalName, minimalPassword, "")
	for _, query := range []string{
		"SELECT Priv FROM mysql.global_priv", "SELECT Password FROM mysql.user", "SELECT authentication_string FROM mysql.user",
	} {
		if ask(t, config, query) == nil {
			t.Errorf("the minimal account may %s", query)
		}
	}
}
