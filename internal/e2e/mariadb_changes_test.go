package e2e

import (
	"slices"
	"testing"
)

// accountChanges are statements and what each must leave in the history: one
// version of one account, or none.
func accountChanges() []struct {
	statement string
	want      []string
} {
	type change = struct {
		statement string
		want      []string
	}
	changed := func(identity string) []string { return []string{"changed " + identity} }
	return []change{
		{"GRANT INSERT ON *.* TO never@'%'", changed("never@%")},
		{"REVOKE INSERT ON *.* FROM never@'%'", changed("never@%")},
		{"GRANT SELECT ON `sh\\_%`.* TO limits@'%'", changed("limits@%")},
		{"GRANT USAGE ON `sh\\_%`.* TO limits@'%' WITH GRANT OPTION", changed("limits@%")},
		{"REVOKE GRANT OPTION ON `sh\\_%`.* FROM limits@'%'", changed("limits@%")},
		{"REVOKE ALL ON `sh\\_%`.* FROM limits@'%'", changed("limits@%")},
		{"GRANT DELETE ON shop.items TO `a@b`@'%'", changed(`a\@b@%`)},
		{"GRANT INSERT (total), UPDATE (total) ON shop.orders TO 'o\\'neil'@'%'", changed("o'neil@%")},
		{"REVOKE UPDATE (total) ON shop.orders FROM 'o\\'neil'@'%'", changed("o'neil@%")},
		{"GRANT EXECUTE ON PROCEDURE shop.bill TO ''@'%'", changed("@%")},
		{"REVOKE EXECUTE ON PROCEDURE shop.bill FROM ''@'%'", changed("@%")},
		{"GRANT PROXY ON life@'%' TO limits@'%'", changed("limits@%")},
		{"REVOKE PROXY ON life@'%' FROM limits@'%'", changed("limits@%")},
		{"GRANT SELECT ON shop.items TO `rôle`", changed("rôle@")},
		{"GRANT INSERT ON shop.items TO PUBLIC", changed("public")},
		{"REVOKE reader FROM PUBLIC", changed("public")},
		{"REVOKE ALL PRIVILEGES, GRANT OPTION FROM `日本`@'%'", changed("日本@%")},

		{"ALTER USER never@'%' ACCOUNT LOCK", changed("never@%")},
		{"ALTER USER never@'%' ACCOUNT UNLOCK", changed("never@%")},
		{"ALTER USER never@'%' PASSWORD EXPIRE", changed("never@%")},
		{"ALTER USER life@'%' PASSWORD EXPIRE INTERVAL 30 DAY", changed("life@%")},
		{"ALTER USER life@'%' REQUIRE X509", changed("life@%")},
		{"ALTER USER life@'%' WITH MAX_USER_CONNECTIONS 3", changed("life@%")},
		{"ALTER USER life@'%' IDENTIFIED VIA unix_socket", changed("life@%")},
		{"ALTER USER locked_expired@'%' IDENTIFIED BY 'another'", changed("locked_expired@%")},

		{"GRANT writer TO life@'%'", changed("life@%")},
		{"GRANT writer TO life@'%' WITH ADMIN OPTION", changed("life@%")},
		{"REVOKE ADMIN OPTION FOR writer FROM life@'%'", changed("life@%")},
		{"SET DEFAULT ROLE writer FOR life@'%'", changed("life@%")},
		{"SET DEFAULT ROLE NONE FOR life@'%'", changed("life@%")},
		{"REVOKE writer FROM life@'%'", changed("life@%")},
		{"GRANT `rôle` TO reader", changed("reader@")},

		{"CREATE USER `Brand new`@'10.%' IDENTIFIED BY 'x'", []string{"created Brand new@10.%"}},
		{"CREATE USER `brand new`@'10.%' IDENTIFIED BY 'x'", []string{"created brand new@10.%"}},
		{"RENAME USER `Brand new`@'10.%' TO `Brand new`@'10.0.%'", []string{"created Brand new@10.0.%", "disappeared Brand new@10.%"}},
		{"DROP USER `Brand new`@'10.0.%'", []string{"disappeared Brand new@10.0.%"}},
		{"CREATE USER `Brand new`@'10.0.%'", []string{"returned Brand new@10.0.%"}},
		// an administrator has grants, roles, a default role and proxies, and granted to others
		{"RENAME USER `a@b`@'%' TO `a@c`@'localhost'", []string{`created a\@c@localhost`, `disappeared a\@b@%`}},
		// somebody is its proxy
		{"RENAME USER life@'%' TO life@'localhost'", []string{"created life@localhost", "disappeared life@%"}},
		{"DROP USER auth_two@'%'", []string{"disappeared auth_two@%"}},
		{"CREATE ROLE fresh", []string{"changed root@localhost", "created fresh@"}}, // its admin
		{"GRANT fresh TO never@'%'", changed("never@%")},
		{"DROP ROLE fresh", []string{"changed never@%", "changed root@localhost", "disappeared fresh@"}}, // its members
		{"FLUSH PRIVILEGES", nil},
		{"ANALYZE TABLE mysql.db", nil},
	}
}

// Each statement is one version of the account that it names, and nothing else
// changes: not those who are its members, grantors or proxies.
func TestStoredMariaDBHasOneVersionAChange(t *testing.T) {
	t.Parallel()
	s := newStoredMariaDB(t)
	s.run(t, "CREATE DEFINER = `a@b`@'%' VIEW shop.v AS SELECT 1",
		"GRANT SELECT ON shop.items TO `a@b`@'%'")
	s.sync(t)
	_, last := s.versions(t, 0)
	for _, test := range accountChanges() {
		s.run(t, test.statement)
		s.sync(t)
		var got []string
		got, last = s.versions(t, last)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.statement, got, test.want)
		}
	}
}
