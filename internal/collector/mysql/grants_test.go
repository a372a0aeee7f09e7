package mysql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/collector/mysql/mysqltest"
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
	s, err := mysql.New(localDialer(t), nil).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
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
		if got := mysqltest.Told(a); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", a.Identity, got, want)
		}
	}
}

// shown asks the server about an account.
func shown(t *testing.T, s *server, a account.Account) []string {
	t.Helper()
	all, err := mysqltest.Shown(a, s.lines(t, "SHOW GRANTS FOR "+mysqltest.Grantee(a)))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Rights that an older version has written mean what the server makes of them: it
// divides SUPER and others, and takes what cannot be for nothing.
func TestRightsOfOlderVersionsAreThoseOfTheServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	var values []string
	for _, written := range []int{-1, 0, 100304, 100400, 100501, 100502, 100507, 100508, 100509, 101011, 101099, 101100, 110300, 1000000} {
		for i, access := range []string{
			"32768", "524288", "1048576", "557056", "1081344", "17179869184", "274877906944", "549755813888", "1073741825", "34359738368",
			"1073741823", "274877906943", "549755813887", "1099511627775", "18446744073709551615", "1024", "1025",
		} {
			state := fmt.Sprintf(`{"access":%s,"version_id":%d,"plugin":"mysql_native_password"}`, access, written)
			values = append(values, fmt.Sprintf("('%%', 'v%d_%d', '%s')", written, i, state))
		}
	}
	s.Exec(t, "", "INSERT INTO mysql.global_priv VALUES "+strings.Join(values, ", "), "FLUSH PRIVILEGES")
	for _, a := range read(t, s.Target()).Accounts {
		if got, want := mysqltest.Told(a), shown(t, s, a); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", a.Identity, got, want)
		}
	}
}

// Rows that nobody has made by statements mean what the server makes of them: no
// host is any host, and a negative number has all bits.
func TestRowsMadeByHandAreThoseOfTheServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Exec(t, "", `INSERT INTO mysql.global_priv VALUES ('', 'anywhere', '{"access":3,"version_id":101100}')`,
		`INSERT INTO mysql.global_priv VALUES ('%', 'negative', '{"access":-1}'), ('%', 'nothing', '{}')`,
		"INSERT INTO mysql.db (Host, User, Db, Select_priv) VALUES ('', 'anywhere', 'shop', 'Y')",
		"INSERT INTO mysql.proxies_priv (Host, User, Proxied_host, Proxied_user) VALUES ('%', 'nothing', '', 'anywhere')", "FLUSH PRIVILEGES")
	found := read(t, s.Target())
	for _, a := range found.Accounts {
		if got, want := mysqltest.Told(a), shown(t, s, a); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", a.Identity, got, want)
		}
	}
	if a := byIdentity(t, found, "anywhere@%"); a.Host != "%" || a.Kind != account.User {
		t.Errorf("%+v", a)
	}
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
