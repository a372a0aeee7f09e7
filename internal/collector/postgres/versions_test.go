package postgres_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/collector/postgres"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// A script is a server that knows one answer for each statement, told by a piece
// of it. What it does not know has no rows.
type script struct {
	columns map[string]int
	rows    map[string][][]string

	mu    sync.Mutex // guards asked
	asked []string
}

// healthy is a server of that version with the role alice, a member of group.
func healthy(number string) *script {
	return &script{
		columns: map[string]int{
			"server_version_num": 2, "system_identifier": 1, "rolcanlogin": 11, "pg_auth_members": 6,
			"pg_db_role_setting": 3, "datallowconn": 6, "SELECT oid::text FROM": 1, "aclexplode": 11,
		},
		rows: map[string][][]string{
			"server_version_num": {{number, "99.9 (Test)"}},
			"system_identifier":  {{"4711"}},
			"rolcanlogin": {
				{"16001", "alice", "t", "f", "t", "f", "f", "f", "f", "-1", ""},
				{"16002", "group", "f", "f", "t", "f", "f", "f", "f", "-1", ""},
			},
			"pg_auth_members": {{"16001", "16002", "10", "f", "t", "f"}},
			"datallowconn":    {{"postgres", "t", "t", "t", "5", "706f737467726573"}},
			"aclexplode":      {{"table", "s", "t", "", "", "16001", "10", "explicit", "", "SELECT,UPDATE", "UPDATE"}},
		},
	}
}

func (s *script) answer(b *pgproto3.Backend, query string) {
	s.mu.Lock()
	s.asked = append(s.asked, query)
	s.mu.Unlock()
	for piece, columns := range s.columns {
		if strings.Contains(query, piece) {
			reply(b, columns, s.rows[piece]...)
			return
		}
	}
	reply(b, 0)
}

func (s *script) hasAsked(piece string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.asked, func(query string) bool { return strings.Contains(query, piece) })
}

func (s *script) read(t *testing.T) (snapshot, error) {
	t.Helper()
	fake := collectortest.Serve(t, func(_ context.Context, c net.Conn) { serve(c, s.answer) })
	found, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), fleet.Limits{}, nil)
	return snapshot{found}, err
}

// The servers of these versions cannot be run here: what is asked of them is
// checked, and that the answers are understood.
func TestVersionsAreAskedForWhatTheyHave(t *testing.T) {
	t.Parallel()
	for number, test := range map[string]struct{ options, parameters bool }{
		"120022": {}, "130018": {}, "140015": {},
		"150010": {parameters: true},
		"160006": {options: true, parameters: true},
		"170002": {options: true, parameters: true},
		"180001": {options: true, parameters: true},
	} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			s := healthy(number)
			found, err := s.read(t)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.hasAsked("inherit_option"); got != test.options {
				t.Errorf("asked for the options of memberships: %v, want %v", got, test.options)
			}
			if got := s.hasAsked("pg_parameter_acl"); got != test.parameters {
				t.Errorf("asked for grants on parameters: %v, want %v", got, test.parameters)
			}
			checkScript(t, found)
		})
	}
}

func checkScript(t *testing.T, found snapshot) {
	t.Helper()
	if want := (fleet.Server{Flavour: "postgresql", Version: "99.9", Identity: "4711"}); found.Server != want {
		t.Errorf("server %+v, want %+v", found.Server, want)
	}
	m := found.account("alice").Memberships
	if len(m) != 1 || m[0].Role != "16002" || m[0].Inherit == nil || !*m[0].Inherit || m[0].Set == nil || *m[0].Set {
		t.Errorf("memberships %+v", m)
	}
	if g := found.account("alice").Grants; len(g) != 2 || g[0].Source != account.Explicit { // of the server, and of the database
		t.Errorf("grants %+v", g)
	}
}

func TestOtherVersionsAreRefused(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"90603", "110022", "190000", "1"} {
		s := healthy(number)
		_, err := s.read(t)
		if f := session.AsFault(err); f.Code != session.CodeUnsupported {
			t.Errorf("version %s: fault %v", number, f)
		}
		if s.hasAsked("pg_roles") {
			t.Errorf("version %s was asked for more than its version", number)
		}
	}
}

func TestNonsenseIsAProtocolError(t *testing.T) {
	t.Parallel()
	role := func(column int, value string) [][]string {
		row := slices.Clone(healthy("150004").rows["rolcanlogin"][0])
		row[column] = value
		return [][]string{row}
	}
	for name, change := range map[string]func(*script){
		"version":    func(s *script) { s.rows["server_version_num"] = [][]string{{"fifteen", ""}} },
		"no version": func(s *script) { s.rows["server_version_num"] = nil },
		"columns":    func(s *script) { s.columns["rolcanlogin"] = 3; s.rows["rolcanlogin"] = [][]string{{"1", "2", "3"}} },
		"OID":        func(s *script) { s.rows["rolcanlogin"] = role(0, "'; DROP") },
		"boolean":    func(s *script) { s.rows["rolcanlogin"] = role(3, "maybe") },
		"limit":      func(s *script) { s.rows["rolcanlogin"] = role(9, "many") },
		"validity":   func(s *script) { s.rows["rolcanlogin"] = role(10, "tomorrow") },
		"role twice": func(s *script) { s.rows["rolcanlogin"] = append(role(1, "a"), role(1, "b")...) },
		"grant of nothing": func(s *script) {
			s.rows["aclexplode"] = [][]string{{"table", "", "t", "", "", "16001", "", "explicit", "", "", ""}}
		},
		"membership": func(s *script) { s.rows["pg_auth_members"] = [][]string{{"16001", "16002", "", "?", "", ""}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy("150004")
			change(s)
			found, err := s.read(t)
			if f := session.AsFault(err); err == nil || f.Code != session.CodeProtocol {
				t.Errorf("fault %v, want %s", err, session.CodeProtocol)
			}
			if len(found.Accounts) > 0 {
				t.Error("a failed read returns accounts")
			}
		})
	}
}

// A server may put anything into a text.
func TestHostileTextIsMadeStorable(t *testing.T) {
	t.Parallel()
	s := healthy("150004")
	s.rows["rolcanlogin"][0][1] = "a\x00b\xff\xfe" + strings.Repeat("é", 40_000)
	found, err := s.read(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range found.Accounts {
		if a.Identity == "16001" && (!strings.HasPrefix(a.Name, "a\uFFFDb\uFFFDé") || len(a.Name) > 66_000 || !strings.HasSuffix(a.Name, "…")) {
			t.Errorf("the name is %d bytes, %.20q…", len(a.Name), a.Name)
		}
	}
}

// The answers of a server to the login, and what becomes of them.
func TestRefusalsOfALogin(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]session.Code{
		"28P01": session.CodeAuthFailed, "28000": session.CodeAuthFailed, "3D000": session.CodeUnknownDatabase,
		"42501": session.CodePermission, "53300": session.CodeTooMany, "57P03": session.CodeStarting,
		"57P01": session.CodeReset, "57P02": session.CodeReset, "XX000": session.CodeQuery,
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			fake := collectortest.Serve(t, func(_ context.Context, c net.Conn) { refuseLogin(c, state) })
			target := fake.Target(fleet.TLSDisable)
			_, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
			f := session.AsFault(err)
			if f.Code != want || f.Phase != session.PhaseLogin {
				t.Errorf("fault %v, want %s", f, want)
			}
			if strings.Contains(f.Error(), target.Password.Reveal()) || !strings.Contains(f.Error(), "the server says") {
				t.Errorf("fault %v shows the password, or not what the server says", f)
			}
		})
	}
}

// The same for a statement, after which the server goes on.
func TestRefusalsOfAStatement(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]session.Code{
		"57014": session.CodeTimeout, "55P03": session.CodeTimeout, "40P01": session.CodeDeadlock,
		"42501": session.CodePermission, "42P01": session.CodeQuery,
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			s := healthy("150004")
			fake := collectortest.Serve(t, func(_ context.Context, c net.Conn) {
				serve(c, func(b *pgproto3.Backend, query string) {
					if strings.Contains(query, "rolcanlogin") {
						refuse(b, state)
						return
					}
					s.answer(b, query)
				})
			})
			_, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), fleet.Limits{}, nil)
			if f := session.AsFault(err); f.Code != want || f.Phase != session.PhaseQuery("roles") {
				t.Errorf("fault %v, want %s", f, want)
			}
		})
	}
}

// A statement that is too slow as a whole is not tried again in parts.
func TestSlowGrantsAreOneGap(t *testing.T) {
	t.Parallel()
	for piece, want := range map[string][]string{
		"pg_tablespace": {" database timeout", " parameter timeout", " tablespace timeout"},
		"pg_proc":       {"postgres  timeout"},
	} {
		s := healthy("150004")
		var refused atomic.Int32
		fake := collectortest.Serve(t, func(_ context.Context, c net.Conn) {
			serve(c, func(b *pgproto3.Backend, query string) {
				if strings.Contains(query, piece) {
					refused.Add(1)
					refuse(b, "57014")
					return
				}
				s.answer(b, query)
			})
		})
		found, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), fleet.Limits{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, gaps(snapshot{found})); diff != "" || refused.Load() != 1 {
			t.Errorf("%s: asked %d times, gaps (-want +got):\n%s", piece, refused.Load(), diff)
		}
	}
}

func TestEveryStatementIsObserved(t *testing.T) {
	t.Parallel()
	seen := map[session.Phase]int{}
	s := healthy("150010")
	fake := collectortest.Serve(t, func(_ context.Context, c net.Conn) { serve(c, s.answer) })
	r, err := postgres.New(localDialer(t), func(engine fleet.Engine, phase session.Phase, took time.Duration) {
		if engine != fleet.PostgreSQL || took <= 0 {
			t.Errorf("%s %s took %s", engine, phase, took)
		}
		seen[phase]++
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), fleet.Limits{}, nil); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range seen {
		total += n
	}
	if seen[session.PhaseQuery("roles")] != 1 || seen[session.PhaseQuery("memberships")] != 1 || total != len(s.asked) {
		t.Errorf("%d statements were asked, seen: %v", len(s.asked), seen)
	}
}
