package postgres_test

import (
	"context"
	"encoding/hex"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/session"
)

// A name is bytes of the encoding in which it was given, and is shown in that of
// the connection's database: whichever that is, each database is entered.
func TestDatabaseNamesOfAnyEncodingAreEntered(t *testing.T) {
	t.Parallel()
	s := start(t, localsvc.PostgresOptions{})
	s.Exec(t, "", "CREATE ROLE erika", `CREATE DATABASE "größe"`, `CREATE DATABASE "back\slash\"`, `CREATE DATABASE "\x41"`,
		"CREATE DATABASE western ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	s.Exec(t, "western", "SET client_encoding = 'UTF8'", `CREATE DATABASE "möbel" TEMPLATE template0`)
	for _, database := range []string{"größe", "m\xf6bel", `back\slash\`, `\x41`} {
		s.Exec(t, database, "CREATE SCHEMA s", "GRANT USAGE ON SCHEMA s TO erika")
	}
	for first, want := range map[string][]string{
		"":        {`\x41`, `back\slash\`, "größe", "m\uFFFDbel"},
		"western": {`\x41`, `back\slash\`, "grÃ¶Ã\u009fe", "möbel"},
	} {
		target := s.Target()
		target.Database = first
		found, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
		if err != nil || len(found.Gaps) > 0 {
			t.Fatalf("%q: %v, gaps %v", first, err, found.Gaps)
		}
		for i, name := range want {
			want[i] = "schema " + name + " s USAGE by postgres explicit"
		}
		if diff := cmp.Diff(want, snapshot{found}.grants("erika")); diff != "" {
			t.Errorf("in by %q: grants (-want +got):\n%s", first, diff)
		}
	}
}

// What a server that has one more database answers to the login there.
func TestRefusalsOfALaterLogin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refusal pgproto3.ErrorResponse
		dropped bool
		code    session.Code // the read fails with it
		gaps    []string
	}{
		"password changed": {refusal: pgproto3.ErrorResponse{Code: "28P01"}, code: session.CodeAuthFailed},
		"stops":            {refusal: pgproto3.ErrorResponse{Code: "57P01"}, code: session.CodeReset},
		"crashed":          {refusal: pgproto3.ErrorResponse{Code: "57P02"}, code: session.CodeReset},
		"starts again":     {refusal: pgproto3.ErrorResponse{Code: "57P03"}, code: session.CodeStarting},
		"was idle":         {refusal: pgproto3.ErrorResponse{Code: "57P05"}, code: session.CodeReset},
		"is full":          {refusal: pgproto3.ErrorResponse{Code: "53300", Routine: "InitProcess"}, code: session.CodeTooMany},
		"has no memory":    {refusal: pgproto3.ErrorResponse{Code: "53200"}, code: session.CodeQuery},
		"database is full": {refusal: pgproto3.ErrorResponse{Code: "53300", Routine: "CheckMyDatabase"}, gaps: []string{"app  too_many_connections"}},
		"no entry":         {refusal: pgproto3.ErrorResponse{Code: "28000"}, gaps: []string{"app  auth_failed"}},
		"dropped":          {refusal: pgproto3.ErrorResponse{Code: "3D000"}, dropped: true},
		"being dropped":    {refusal: pgproto3.ErrorResponse{Code: "57P04"}, dropped: true},
		"renamed":          {refusal: pgproto3.ErrorResponse{Code: "3D000"}, gaps: []string{"app  unknown_database"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy("150004")
			s.rows["datallowconn"] = append(s.rows["datallowconn"], []string{"app", "f", "t", "t", "6", hex.EncodeToString([]byte("app"))})
			s.rows["SELECT oid::text FROM"] = [][]string{{"5"}, {"6"}}
			if test.dropped {
				s.rows["SELECT oid::text FROM"] = [][]string{{"5"}}
			}
			found, err := s.readRefusing(t, "app", &test.refusal)
			if test.code != "" {
				if f := session.AsFault(err); f.Code != test.code || f.Phase != session.PhaseLogin {
					t.Errorf("fault %v, want %s", err, test.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.gaps, gaps(found)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// readRefusing reads a server that refuses the login to one database.
func (s *script) readRefusing(t *testing.T, database string, refusal *pgproto3.ErrorResponse) (snapshot, error) {
	t.Helper()
	refusal.Severity, refusal.Message = "FATAL", "the server says no"
	refuse := func(name string) *pgproto3.ErrorResponse {
		if name != database {
			return nil
		}
		return refusal
	}
	fake := collectortest.Serve(t, func(_ context.Context, c net.Conn) { admit(c, refuse, s.answer) })
	found, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), fleet.Limits{}, nil)
	return snapshot{found}, err
}
