package pages_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/pages"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// bundle is the pages over a database with one account session of three
// instances: one failed, one runs, one waits.
type bundle struct {
	http.Handler

	pool    *pgxpool.Pool
	store   *store.Store
	id      session.ID
	records []int64 // failed, running, pending
}

const hostile = `no route to <script>alert(1)</script> "db` + "\u202e\x1b" + `"`

func newBundle(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{pool: testdb.Postgres(t)}
	b.store = store.New(b.pool)
	b.store.Serves = session.Serves{session.Account: {fleet.PostgreSQL}}
	b.Handler = newPages(b.store)
	b.sql(t, `INSERT INTO credentials (name, username, sealed, key_id) VALUES ('c', 'reader', '\x00', 'k')`)
	for i := range 3 {
		b.sql(t, `INSERT INTO instances (name, engine, host, port, credential_id, host_key)
			SELECT $1, 'postgresql', 'db', 5432, id, 'db' FROM credentials`, fmt.Sprintf("orders-%d", i+1))
	}
	by := int64(1)
	s, _, err := b.store.CreateSession(t.Context(), session.Request{Category: session.Account, Selector: session.Selector{All: true}, CreatedBy: &by})
	if err != nil {
		t.Fatal(err)
	}
	b.id = s.ID
	rows, err := b.pool.Query(t.Context(), `SELECT id FROM sync_instance_records ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		b.records = append(b.records, id)
	}
	b.sql(t, `UPDATE sync_instance_records SET status = 'failed', attempt = 3, completed_at = now(), duration_ms = 1500,
		error_code = 'connect_failed', error_phase = 'connect', error_message = $2 WHERE id = $1`, b.records[0], hostile)
	b.sql(t, `UPDATE sync_instance_records SET status = 'running', attempt = 1, started_at = now(),
		worker_id = gen_random_uuid(), deadline_at = now() + interval '5 minutes' WHERE id = $1`, b.records[1])
	return b
}

func newPages(s pages.Sessions) http.Handler {
	return pages.New(pages.Config{Sessions: s, Log: slog.New(slog.DiscardHandler), Unavailable: store.Unavailable})
}

func (b *bundle) sql(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// end cancels the session and lets it end.
func (b *bundle) end(t *testing.T) {
	t.Helper()
	b.sql(t, `UPDATE sync_instance_records SET status = 'completed', completed_at = now(), worker_id = NULL, deadline_at = NULL
		WHERE completed_at IS NULL`)
	if done, err := b.store.FinishSession(t.Context(), b.id); err != nil || !done {
		t.Fatalf("finish: %v %v", done, err)
	}
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

func expect(t *testing.T, w *httptest.ResponseRecorder, status int, parts ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	for _, part := range parts {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("the page does not hold %q: %s", part, w.Body)
		}
	}
}

func refuse(t *testing.T, w *httptest.ResponseRecorder, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(w.Body.String(), part) {
			t.Errorf("the page holds %q: %s", part, w.Body)
		}
	}
}

func TestSessionsAreListedByCategory(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	link := `href="/sessions/` + b.id.String()
	open := get(t, b, "/sessions")
	expect(t, open, 200, link, "running", "3: 1 failed, 1 running, 1 pending", `http-equiv="refresh"`)
	expect(t, get(t, b, "/sessions?category=account"), 200, link)
	refuse(t, get(t, b, "/sessions?category=capacity"), link)
	expect(t, get(t, b, "/sessions?category=%3Cb%3E"), 404, "/sessions")
	b.end(t)
	ended := get(t, b, "/sessions")
	expect(t, ended, 200, link, "failed, partial", "3: 2 completed, 1 failed")
	refuse(t, ended, `http-equiv="refresh"`)
}

func TestSessionPageTellsWhatWentWrong(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	path := "/sessions/" + b.id.String()
	open := get(t, b, path)
	expect(t, open, 200, "What went wrong", "<b>connect_failed</b>", "orders-1", "Running", "orders-2", "dbfleet sync cancel "+b.id.String(), `http-equiv="refresh"`)
	refuse(t, open, "orders-3", "dbfleet sync retry")
	b.end(t)
	ended := get(t, b, path)
	expect(t, ended, 200, "failed, partial", "dbfleet sync retry "+b.id.String())
	refuse(t, ended, `http-equiv="refresh"`, "dbfleet sync cancel")
}

func TestHostileTextIsShownAsText(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	page := get(t, b, "/sessions/"+b.id.String())
	expect(t, page, 200, "&lt;script&gt;alert(1)&lt;/script&gt;", `\u202E\u001B`)
	refuse(t, page, "<script", "\u202e", "\x1b")
}

func TestRecordLeadsToItsSession(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	waiting := b.records[2]
	w := get(t, b, fmt.Sprintf("/records/%d", waiting))
	want := fmt.Sprintf("/sessions/%s?record=%d#record-%d", b.id, waiting, waiting)
	if w.Code != http.StatusFound || w.Header().Get("Location") != want {
		t.Fatalf("%d %s", w.Code, w.Header().Get("Location"))
	}
	page := get(t, b, strings.Split(want, "#")[0])
	expect(t, page, 200, fmt.Sprintf(`id="record-%d"`, waiting), "orders-3", "waits: no living worker serves the category")
	for _, path := range []string{"/records/0", "/records/-1", "/records/x", "/records/99999999", "/records/99999999999999999999"} {
		expect(t, get(t, b, path), 404, "No such record")
	}
	b.end(t)
	other := *b
	by := int64(1)
	s, _, err := b.store.CreateSession(t.Context(), session.Request{Category: session.Account, Selector: session.Selector{All: true}, CreatedBy: &by})
	if err != nil {
		t.Fatal(err)
	}
	other.id = s.ID
	expect(t, get(t, b, fmt.Sprintf("/sessions/%s?record=%d", other.id, waiting)), 404, "No such record")
}

func TestWhatIsNotThereSaysWhatToDo(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for path, advice := range map[string]string{
		"/sessions/x": "/sessions lists the newest",
		"/sessions/00000000-0000-0000-0000-000000000000": "/sessions lists the newest",
		"/other": "/monitoring/",
	} {
		expect(t, get(t, b, path), 404, advice)
	}
}

func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for _, path := range []string{"/sessions", "/sessions/" + b.id.String(), "/sessions/x"} {
		w := get(t, b, path)
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "script") {
			t.Errorf("%s: policy %q", path, csp)
		}
		refuse(t, w, "<script", "style=", "http://", "https://")
	}
	style := get(t, b, "/sessions.css")
	expect(t, style, 200, "prefers-color-scheme: dark")
	if kind := style.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/css") {
		t.Errorf("style is %s", kind)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sessions", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// broken fails every look at a session.
type broken struct {
	pages.Sessions

	err error
}

func (b broken) NewestSessions(context.Context, session.Choice, int) ([]session.Session, int, error) {
	return nil, 0, b.err
}

func TestPagesWhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	away := get(t, newPages(broken{err: context.DeadlineExceeded}), "/sessions")
	expect(t, away, 503, "cannot be asked now")
	if away.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	bug := get(t, newPages(broken{err: errors.New("password=hunter2")}), "/sessions")
	expect(t, bug, 500, "Internal error")
	refuse(t, bug, "hunter2")
}
