package mysql_test

import (
	"database/sql"
	"slices"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"github.com/dbfleet/dbfleet/internal/account"
)

// ask runs a query as somebody and returns the error.
func ask(t testing.TB, config *driver.Config, query string) error {
	t.Helper()
	connector, err := driver.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	return rows.Err()
}

// TestOneStatementIsOneChange runs statements one after the other; each must show
// as one change of one account.
func TestOneStatementIsOneChange(t *testing.T) {
	t.Parallel()
	s := startFleet(t)
	before := read(t, s.Target())
	for _, test := range []struct {
		statement string
		want      []string
	}{
		{"GRANT INSERT ON *.* TO ann@'%'", []string{"changed ann@%"}},
		{"REVOKE INSERT ON *.* FROM ann@'%'", []string{"changed ann@%"}},
		{"GRANT SELECT ON shop.* TO ann@'10.%'", []string{"changed ann@10.%"}},
		{"REVOKE SELECT ON shop.* FROM ann@'10.%'", []string{"changed ann@10.%"}},
		{"GRANT INSERT (total) ON shop.orders TO `a@b`@'%'", []string{`changed a\@b@%`}},
		{"GRANT INSERT ON shop.items TO PUBLIC", []string{"changed public"}},
		{"ALTER USER gone@'%' ACCOUNT UNLOCK", []string{"changed gone@%"}},
		{"ALTER USER gone@'%' PASSWORD EXPIRE", []string{"changed gone@%"}},
		{"ALTER USER ann@'10.%' PASSWORD EXPIRE INTERVAL 90 DAY", []string{"changed ann@10.%"}},
		{"ALTER USER ann@'%' REQUIRE SSL", []string{"changed ann@%"}},
		{"GRANT writer TO proxy@'%'", []string{"changed proxy@%"}},
		{"SET DEFAULT ROLE writer FOR proxy@'%'", []string{"changed proxy@%"}},
		{"SET DEFAULT ROLE NONE FOR proxy@'%'", []string{"changed proxy@%"}},
		{"REVOKE writer FROM proxy@'%'", []string{"changed proxy@%"}},
		{"CREATE USER new@'%'", []string{"created new@%"}},
		{"RENAME USER new@'%' TO newer@'%'", []string{"created newer@%", "gone new@%"}},
		{"DROP USER newer@'%'", []string{"gone newer@%"}},
		{"FLUSH PRIVILEGES", nil},
	} {
		s.Exec(t, "", test.statement)
		after := read(t, s.Target())
		if got := changes(t, before, after); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.statement, got, test.want)
		}
		before = after
	}
}

// changes lists what happened to each account between two reads.
func changes(t testing.TB, before, after account.Snapshot) []string {
	t.Helper()
	was, is := hashes(t, before), hashes(t, after)
	var all []string
	for id, hash := range is {
		switch old, known := was[id]; {
		case !known:
			all = append(all, "created "+id)
		case old != hash:
			all = append(all, "changed "+id)
		}
	}
	for id := range was {
		if _, lives := is[id]; !lives {
			all = append(all, "gone "+id)
		}
	}
	slices.Sort(all)
	return all
}

func hashes(t testing.TB, s account.Snapshot) map[string]account.Hash {
	t.Helper()
	all := map[string]account.Hash{}
	for _, a := range s.Accounts {
		_, hash, err := account.Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		all[a.Identity] = hash
	}
	return all
}
