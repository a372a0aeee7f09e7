package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
)

// A subject is an object whose rights can be asked from the server.
type subject struct {
	kind, schema, object string
	grantAs              string // in GRANT … ON
	ask                  string // the server's function
	name                 string // for that function
	privileges           []string
}

func subjects() []subject {
	return []subject{
		{"table", "s", "t", "TABLE s.t", "has_table_privilege", "s.t", []string{"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}},
		{"sequence", "s", "q", "SEQUENCE s.q", "has_sequence_privilege", "s.q", []string{"USAGE", "SELECT", "UPDATE"}},
		{"function", "s", "f(integer, text)", "FUNCTION s.f(int, text)", "has_function_privilege", "s.f(int,text)", []string{"EXECUTE"}},
		{"type", "s", "e", "TYPE s.e", "has_type_privilege", "s.e", []string{"USAGE"}},
		{"schema", "", "s", "SCHEMA s", "has_schema_privilege", "s", []string{"USAGE", "CREATE"}},
		{"foreign_server", "", "fs", "FOREIGN SERVER fs", "has_server_privilege", "fs", []string{"USAGE"}},
		{"database", "", "app", "DATABASE app", "has_database_privilege", "app", []string{"CONNECT", "CREATE", "TEMPORARY"}},
	}
}

// TestRightsAreThoseOfTheServer grants and revokes at random, then asks the server
// who may do what, and derives the same from what was read.
func TestRightsAreThoseOfTheServer(t *testing.T) {
	t.Parallel()
	s := startWithObjects(t)
	s.Exec(t, "app", "GRANT USAGE ON FOREIGN DATA WRAPPER w TO olga", "ALTER SERVER fs OWNER TO olga")
	random := rand.New(rand.NewPCG(1, 2)) // the same every time
	for range 10 {
		var statements []string
		for range 12 {
			statements = append(statements, randomGrant(random))
		}
		s.Exec(t, "app", statements...)
		compareRights(t, s)
		if t.Failed() {
			t.Fatalf("after %q", statements)
		}
	}
}

func randomGrant(random *rand.Rand) string {
	subject := subjects()[random.IntN(len(subjects()))]
	privilege := subject.privileges[random.IntN(len(subject.privileges))]
	who := []string{"olga", "alice", "bob", "PUBLIC"}[random.IntN(4)]
	if random.IntN(2) == 0 {
		return fmt.Sprintf("REVOKE %s ON %s FROM %s", privilege, subject.grantAs, who)
	}
	return fmt.Sprintf("GRANT %s ON %s TO %s", privilege, subject.grantAs, who)
}

func compareRights(t *testing.T, s *server) {
	t.Helper()
	s.Exec(t, "", "GRANT CONNECT ON DATABASE app TO dbfleet") // or it could be shut out
	found := s.read(t)
	conn := s.connect(t, "app")
	for _, subject := range subjects() {
		for _, privilege := range subject.privileges {
			for _, who := range []string{"olga", "alice", "bob"} {
				var want bool
				ask := fmt.Sprintf("SELECT %s('%s', '%s', '%s')", subject.ask, who, subject.name, privilege)
				if err := conn.QueryRow(t.Context(), ask).Scan(&want); err != nil {
					t.Fatal(err)
				}
				if got := found.may(who, subject, privilege); got != want {
					t.Errorf("%s %s on %s: derived %v, the server says %v", who, privilege, subject.name, got, want)
				}
			}
		}
	}
}

// may derives whether an account without memberships has a privilege.
func (s snapshot) may(who string, on subject, privilege string) bool {
	has := false
	for _, name := range []string{who, "PUBLIC"} {
		for _, g := range s.account(name).Grants {
			if g.Type != on.kind || g.Schema != on.schema || g.Object != on.object {
				continue
			}
			owns := g.Source == account.Owner && g.Effect == account.Granted
			has = has || owns || g.Effect == account.Granted && slices.Contains(g.Privileges, privilege)
		}
	}
	return has && !s.lost(who, on, privilege)
}

// lost reports whether an owner has taken the privilege from itself and has it
// from nobody else.
func (s snapshot) lost(who string, on subject, privilege string) bool {
	lost := false
	for _, g := range s.account(who).Grants {
		if g.Type == on.kind && g.Schema == on.schema && g.Object == on.object && g.Effect == account.Revoked {
			lost = lost || slices.Contains(g.Privileges, privilege)
		}
	}
	return lost && !slices.ContainsFunc(s.account("PUBLIC").Grants, func(g grant) bool {
		return g.Type == on.kind && g.Schema == on.schema && g.Object == on.object && slices.Contains(g.Privileges, privilege)
	})
}
