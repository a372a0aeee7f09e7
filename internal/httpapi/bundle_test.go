package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // as in the programs

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi"
	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/logging"
	"github.com/dbfleet/dbfleet/internal/logging/logtest"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/testdb"
	"github.com/dbfleet/dbfleet/internal/user"
)

// now is the time of every test, for rates and remaining times.
var now = time.Date(2026, 11, 21, 1, 0, 12, 0, time.UTC)

// bundle is the whole API over a database of its own; sessions, accounts and
// holds are fakes, schedules are not.
type bundle struct {
	pool     *pgxpool.Pool
	store    *store.Store
	server   *httpserver.Server
	url      string
	ring     secret.Keyring
	tokens   map[user.Role]secret.Text
	sessions *fakeSessions
	accounts *fakeAccounts
	log      *logtest.Book
}

func newBundle(t *testing.T) *bundle {
	t.Helper()
	return newBundleOn(t, testdb.Postgres(t))
}

func newBundleOn(t *testing.T, pool *pgxpool.Pool) *bundle {
	t.Helper()
	b := &bundle{
		pool: pool, store: store.New(pool), tokens: map[user.Role]secret.Text{}, log: &logtest.Book{},
		sessions: &fakeSessions{}, accounts: &fakeAccounts{},
	}
	b.store.Serves = session.Serves{session.Account: {fleet.PostgreSQL, fleet.MySQL}}
	for _, role := range user.Roles() {
		token, err := b.store.CreateToken(t.Context(), store.NewToken{User: "the " + string(role), Role: role})
		if err != nil {
			t.Fatal(err)
		}
		b.tokens[role] = token
	}
	b.server = httpserver.New(httpserver.Config{
		Log: logging.New(b.log, logging.JSON, slog.LevelDebug), Users: b.store, Auditor: b.store, Unavailable: store.Unavailable,
	})
	b.api(t).Register(b.server)
	server := httptest.NewServer(b.server)
	t.Cleanup(server.Close)
	b.url = server.URL + httpapi.Base
	return b
}

func (b *bundle) api(t *testing.T) *httpapi.API {
	t.Helper()
	key, err := secret.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	line, err := key.Line()
	if err != nil {
		t.Fatal(err)
	}
	if b.ring, err = secret.ParseKeyring([]byte(line.Reveal())); err != nil {
		t.Fatal(err)
	}
	policy, err := netguard.ParsePolicy("10.0.0.0/8:5432|3306")
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(httpapi.Services{
		Sessions: b.sessions, Instances: b.store, Removed: b.store, Bulk: b.store, Imports: b.store, Credentials: b.store,
		Accounts: b.accounts, Holds: b.accounts, Schedules: b.store, Settings: b.store, Workers: b.sessions,
		Users: b.store, Tokens: b.store, Audit: b.store, Key: key.Public(), Policy: policy, Resolver: names{},
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// names resolves nothing but localhost, so that no test asks a real server.
type names struct{}

func (names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if host == "localhost" {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// request is one call; the zero role sends no token.
type request struct {
	role   user.Role
	method string
	path   string // below the API's base
	body   string
	media  string // empty: application/json
	header map[string]string
}

// answer is a response that has been read.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem struct {
		Code, Field string
		Errors      []struct{ Field, Reason string }
	}
}

func (b *bundle) do(t *testing.T, q request) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), q.method, b.url+q.path, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	if q.role != "" {
		r.Header.Set("Authorization", "Bearer "+b.tokens[q.role].Reveal())
	}
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.media != "" {
		r.Header.Set("Content-Type", q.media)
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	client := http.Client{Timeout: 30 * time.Second}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.Header.Get("Content-Type") == "text/event-stream" {
		return answer{status: resp.StatusCode, header: resp.Header} // it need not end
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(text)}
	if resp.Header.Get("Content-Type") == "application/problem+json" {
		decode(t, a.body, &a.problem)
		checkListed(t, q, a.problem.Code)
	}
	return a
}

// must sends a request as an admin, fails the test when the status is another,
// and decodes the answer into out unless that is nil.
func (b *bundle) must(t *testing.T, status int, method, path, body string, out any) answer {
	t.Helper()
	a := b.do(t, request{role: user.Admin, method: method, path: path, body: body})
	if a.status != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, a.status, status, a.body)
	}
	if out != nil {
		decode(t, a.body, out)
	}
	return a
}

func decode(t *testing.T, text string, out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), out); err != nil {
		t.Fatalf("decode %q: %v", text, err)
	}
}

func one[T any](t *testing.T, b *bundle, sql string, args ...any) T {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sql runs one statement and fails the test when it fails.
func (b *bundle) sql(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
