package oldapi_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
	_ "time/tzdata" // as in the programs

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/oldapi"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/testdb"
	"github.com/dbfleet/dbfleet/internal/user"
)

// bundle is the old routes over a database of its own, and one token per role.
type bundle struct {
	pool   *pgxpool.Pool
	store  *store.Store
	server *httpserver.Server
	url    string
	tokens map[user.Role]secret.Text
}

func newBundle(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{pool: testdb.Postgres(t), tokens: map[user.Role]secret.Text{}}
	b.store = store.New(b.pool)
	for _, role := range user.Roles() {
		token, err := b.store.CreateToken(t.Context(), store.NewToken{User: "the " + string(role), Role: role})
		if err != nil {
			t.Fatal(err)
		}
		b.tokens[role] = token
	}
	b.serve(t, b.store)
	return b
}

// serve makes the routes answer from sessions.
func (b *bundle) serve(t *testing.T, sessions oldapi.Sessions) {
	t.Helper()
	b.server = httpserver.New(httpserver.Config{
		Log: slog.New(slog.DiscardHandler), Users: b.store, Auditor: b.store, Unavailable: store.Unavailable,
	})
	(&oldapi.API{Sessions: sessions, Settings: b.settings}).Register(b.server)
	server := httptest.NewServer(b.server)
	t.Cleanup(server.Close)
	b.url = server.URL + oldapi.Base
}

// settings are not cached, so that a test may change the zone.
func (b *bundle) settings(ctx context.Context) (setting.Settings, error) {
	return b.store.Settings(ctx)
}

// fleet fills the database with what the fixtures show.
func (b *bundle) fleet(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("testdata/fleet.sql")
	if err != nil {
		t.Fatal(err)
	}
	b.sql(t, string(text))
}

func (b *bundle) zone(t *testing.T, name string) {
	t.Helper()
	b.sql(t, `INSERT INTO settings (key, value, updated_by) VALUES ('time_zone', '"`+name+`"', 0)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`)
}

func (b *bundle) sql(t *testing.T, statements string) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

func one[T any](t *testing.T, b *bundle, sql string) T {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request; the zero role sends no token.
func (b *bundle) do(t *testing.T, role user.Role, method, path string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if role != "" {
		r.Header.Set("Authorization", "Bearer "+b.tokens[role].Reveal())
	}
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// says fails the test unless the answer is exactly that.
func (a answer) says(t *testing.T, name string, status int, body string) {
	t.Helper()
	if a.status != status || a.body != body || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: %d %s\n%s\nwant %d\n%s", name, a.status, a.header.Get("Content-Type"), a.body, status, body)
	}
}
