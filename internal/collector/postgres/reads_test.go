package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
)

// TestReads runs what can share a server: each case has roles of its own.
func TestReads(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	//nolint:paralleltest // the cases share a server
	for name, test := range map[string]func(*testing.T, *server){
		"server says who it is":           testWhoItIs,
		"roles of the system":             testSystemRoles,
		"attributes":                      testAttributes,
		"end of validity":                 testValidity,
		"memberships refer by identity":   testMemberships,
		"names without encoding are text": testEncodings,
		"grants are merged":               testMerged,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func testWhoItIs(t *testing.T, s *server) {
	t.Helper()
	var want fleet.Server
	row := s.connect(t, "").QueryRow(t.Context(),
		`SELECT 'postgresql', split_part(version(), ' ', 2), system_identifier::text FROM pg_control_system()`)
	if err := row.Scan(&want.Flavour, &want.Version, &want.Identity); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, s.read(t).Server); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
}

func testSystemRoles(t *testing.T, s *server) {
	t.Helper()
	found := s.read(t)
	for name, want := range map[string]bool{"postgres": true, "pg_monitor": true, "PUBLIC": true, minimalName: false} {
		if a := found.account(name); a == nil || a.System != want {
			t.Errorf("account %s: %+v, want it there and system %v", name, a, want)
		}
	}
	if !slices.ContainsFunc(found.account("pg_database_owner").Grants, func(g grant) bool { return g.Object == "public" }) {
		t.Error("nobody owns the schema public")
	}
}

func testAttributes(t *testing.T, s *server) {
	t.Helper()
	s.Exec(t, "", "CREATE DATABASE app",
		"CREATE ROLE plain", "CREATE ROLE able LOGIN SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS NOINHERIT CONNECTION LIMIT 0",
		"ALTER ROLE able SET work_mem = '8MB'", "ALTER ROLE able SET myapp.api_key = 'k3y'",
		"ALTER ROLE able IN DATABASE app SET myapp.db_password = 'pa55'", "ALTER ROLE able IN DATABASE app SET myapp.note = 'a=b'")
	found := s.read(t)
	plain := map[string]any{"inherit": true, "createrole": false, "createdb": false, "replication": false, "bypassrls": false}
	if diff := cmp.Diff(plain, found.account("plain").Attributes); diff != "" {
		t.Errorf("plain (-want +got):\n%s", diff)
	}
	able := map[string]any{
		"inherit": false, "createrole": true, "createdb": true, "replication": true, "bypassrls": true,
		"connection_limit": int64(0),
		"settings": []string{
			"app:myapp.db_password=[redacted]", "app:myapp.note=a=b", "myapp.api_key=[redacted]", "work_mem=8MB",
		},
	}
	if diff := cmp.Diff(able, found.account("able").Attributes); diff != "" {
		t.Errorf("able (-want +got):\n%s", diff)
	}
	if !found.account("able").Superuser || found.account("plain").Superuser {
		t.Error("superuser is mistaken")
	}
}

func testValidity(t *testing.T, s *server) {
	t.Helper()
	s.Exec(t, "", "SET timezone = 'UTC'",
		"CREATE ROLE never VALID UNTIL 'infinity'", "CREATE ROLE unset",
		"CREATE ROLE past VALID UNTIL '-infinity'", "CREATE ROLE ancient VALID UNTIL '4000-01-01 BC'",
		"CREATE ROLE distant VALID UNTIL '294276-12-31'", "CREATE ROLE fine VALID UNTIL '2033-04-05 06:07:08.090909'")
	found := s.read(t)
	for name, want := range map[string]string{
		"never": "", "unset": "", "past": "0001-01-02T00:00:00Z", "ancient": "0001-01-02T00:00:00Z",
		"distant": "9999-12-31T00:00:00Z", "fine": "2033-04-05T06:07:08.090909Z",
	} {
		got := ""
		if until := found.account(name).ValidUntil; until != nil {
			got = until.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s is valid until %q, want %q", name, got, want)
		}
	}
}

func testMemberships(t *testing.T, s *server) {
	t.Helper()
	s.Exec(t, "", "CREATE ROLE parent", "CREATE ROLE child", "GRANT parent TO child WITH ADMIN OPTION", "GRANT pg_monitor TO child")
	found := s.read(t)
	names := found.names()
	var got []string
	for _, m := range found.account("child").Memberships {
		got = append(got, names[m.Role]+" by "+names[m.Grantor])
		if m.Admin != (names[m.Role] == "parent") || m.Inherit != nil || m.Set != nil {
			t.Errorf("membership %+v", m)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"parent by postgres", "pg_monitor by postgres"}, got); diff != "" {
		t.Errorf("memberships (-want +got):\n%s", diff)
	}
}

// Names in a database without an encoding may be any bytes.
func testEncodings(t *testing.T, s *server) {
	t.Helper()
	s.Exec(t, "", "CREATE ROLE erika",
		"CREATE DATABASE raw ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
		"CREATE DATABASE western ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	latin := []string{
		"SET client_encoding = 'SQL_ASCII'",
		`DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I', convert_from('\x6df66265'::bytea, 'SQL_ASCII')); END $$`,
		`DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO erika', convert_from('\x6df66265'::bytea, 'SQL_ASCII')); END $$`,
	}
	s.Exec(t, "raw", latin...)
	s.Exec(t, "western", "SET client_encoding = 'UTF8'", `CREATE SCHEMA "möbe"`, `GRANT USAGE ON SCHEMA "möbe" TO erika`)
	want := []string{
		"schema raw m\uFFFDbe USAGE by postgres explicit",
		"schema western möbe USAGE by postgres explicit",
	}
	if diff := cmp.Diff(want, s.read(t).grants("erika")); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}

func testMerged(t *testing.T, s *server) {
	t.Helper()
	s.Exec(t, "", "CREATE ROLE marge", "CREATE TABLE public.t (a int)",
		"GRANT SELECT ON public.t TO marge", "GRANT UPDATE ON public.t TO marge WITH GRANT OPTION")
	found := s.read(t)
	want := []account.Grant{{
		Type: "table", Database: "postgres", Schema: "public", Object: "t", Source: account.Explicit, Grantor: "10",
		Privileges: []string{"SELECT", "UPDATE"}, Grantable: []string{"UPDATE"},
	}}
	if diff := cmp.Diff(want, found.account("marge").Grants); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}
