package mysql

import (
	"regexp"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

// statements returns every statement, those made of columns included.
func statements(t *testing.T) map[string]string {
	t.Helper()
	hostile := []string{"Password", "authentication_string", "x;DROP TABLE t_priv"}
	columns := layout(append(userBase(), "Create_role_priv", "Drop_role_priv", "Delete_history_priv"))
	columns = append(columns, hostile...)
	for _, c := range userColumns {
		columns = append(columns, c.column)
	}
	all := collectortest.Statements(t)
	for _, v := range []version{{flavour: flavourMySQL, major: 8}, {flavour: flavourMariaDB, major: 10, minor: 3}} {
		users, _, err := usersQuery(columns, v)
		if err != nil {
			t.Fatal(err)
		}
		all["users of "+v.flavour] = users
	}
	databases, _, err := databasesQuery(append(databaseBase(), hostile...))
	if err != nil {
		t.Fatal(err)
	}
	all["database grants"] = databases
	return all
}

func TestStatementsOnlyReadAndNeverPasswords(t *testing.T) {
	t.Parallel()
	secrets := regexp.MustCompile(`(?i)authentication_string|\bpassword\b|[^_(]Priv,? FROM`)
	collectortest.WantSelects(t, statements(t), secrets)
}

func TestSettingsAreOfTheSessionOnly(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^SET (SESSION TRANSACTION READ ONLY|NAMES utf8mb4(, @@SESSION\.[a-z_]+ = ['+0-9:.]+)+)$`)
	for _, v := range []version{{flavour: flavourMySQL, major: 8}, {flavour: flavourMariaDB, major: 10, minor: 3}} {
		for _, statement := range settings(v, fleet.Limits{}.OrDefaults()) {
			if !form.MatchString(statement) {
				t.Errorf("%s: %s", v.flavour, statement)
			}
		}
	}
}

func TestIdentityIsUnambiguous(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, pair := range [][2]string{{"a", "b@c"}, {"a@b", "c"}, {`a\`, "b@c"}, {`a\@b`, "c"}, {"", "a"}, {"a", ""}, {"@", "@"}, {`\@`, ""}} {
		id := identity(pair[0], pair[1])
		if other, known := seen[id]; known {
			t.Errorf("%q is %q and %q", id, other, pair)
		}
		seen[id] = strings.Join(pair[:], " at ")
	}
}

func TestVersionsAreNumbersWithAFlavour(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"5.6.51-log": false, "5.7.8": true, "8.0.36-0ubuntu0.22.04.1": true, "8.4.0": true, "9.1.0": true, "10.0.1": false,
		"10.2.44-MariaDB": false, "10.3.39-MariaDB-log": true, "10.11.6-MariaDB": true, "11.4.2-MariaDB-ubu2404": true,
		"12.0.1-MariaDB": false, "5.7.25-TiDB-v7.1.0": false,
	} {
		v, err := parseVersion(text, "")
		if err != nil || v.supported() != want {
			t.Errorf("%s: %+v supported %t, %v", text, v, v.supported(), err)
		}
	}
	if _, err := parseVersion("eight", ""); err == nil {
		t.Error("a version without numbers was read")
	}
}

// What a MariaDB of this version makes of the bits is compared with a live one in
// grants_test.go; the others are by their documentation.
func TestAccessOfOtherVersions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		access  uint64
		written int64
		version version
		want    string
	}{
		"10.4":                       {1 << 20, 0, version{flavourMariaDB, 10, 4, 1}, "REPLICATION CLIENT"},
		"10.6":                       {1 << 20, 10_06_06, version{flavourMariaDB, 10, 6, 6}, "BINLOG MONITOR"},
		"11.3":                       {1 << 39, 11_03_00, version{flavourMariaDB, 11, 3, 0}, "SHOW CREATE ROUTINE"},
		"a bit of the future":        {1 << 39, 11_03_00, version{flavourMariaDB, 11, 2, 0}, ""},
		"super of 10.6 in 10.6":      {1 << 15, 10_06_06, version{flavourMariaDB, 10, 6, 6}, "SUPER"},
		"super of 10.6 in 10.11":     {1 << 15, 10_06_06, version{flavourMariaDB, 10, 11, 6}, "SUPER,READ_ONLY ADMIN"},
		"super of 10.11 in 11.4":     {1 << 15, 10_11_06, version{flavourMariaDB, 11, 4, 2}, "SUPER,SET USER,FEDERATED ADMIN,CONNECTION ADMIN,REPLICATION SLAVE ADMIN,BINLOG ADMIN,BINLOG REPLAY"},
		"super of 11.4":              {1 << 15, 11_04_02, version{flavourMariaDB, 11, 4, 2}, "SUPER"},
		"the first root's":           {allAccess, 0, version{flavourMariaDB, 10, 4, 1}, strings.Join(accessNames[:10], ",") + "," + strings.Join(accessNames[11:20], ",") + ",REPLICATION CLIENT," + strings.Join(accessNames[21:30], ",")},
		"all of 10.4 in a newer one": {1<<30 - 1, 0, version{flavourMariaDB, 10, 6, 6}, strings.Join(accessNames[:10], ",") + "," + strings.Join(accessNames[11:39], ",")},
	} {
		if got := strings.Join(accessSet(test.access, test.written, test.version).privileges, ","); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
