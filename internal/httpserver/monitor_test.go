package httpserver_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/logging"
	"github.com/dbfleet/dbfleet/internal/testdb"
	"github.com/dbfleet/dbfleet/internal/user"
)

func newMonitor(t *testing.T, cfg httpserver.MonitorConfig) string {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Unavailable = isNetwork
	m := httpserver.NewMonitor(cfg)
	server := httptest.NewServer(m)
	t.Cleanup(func() {
		server.Close()
		if err := m.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return server.URL
}

func TestHealthListsWhatIsMissing(t *testing.T) {
	t.Parallel()
	url := newMonitor(t, httpserver.MonitorConfig{
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1")) }),
		Health: httpserver.Health{Checks: map[string]func(context.Context) error{
			"redis":    func(context.Context) error { return nil },
			"postgres": func(context.Context) error { return errors.New("run dbfleet migrate") },
			"slow":     func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) },
		}},
	})
	if a := do(t, "GET", url+"/healthz", nil, nil); a.status != 200 {
		t.Errorf("healthz: %d", a.status)
	}
	start := time.Now()
	a := do(t, "GET", url+"/readyz", nil, nil)
	want := `{"ready":false,"missing":{"postgres":"run dbfleet migrate","slow":"check: over 1s"}}`
	if a.status != 503 || strings.TrimSpace(a.body) != want {
		t.Errorf("readyz: %d %s", a.status, a.body)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("readyz took %s", took)
	}
	if a := do(t, "GET", url+"/metrics", nil, nil); a.status != 200 || a.body != "up 1" {
		t.Errorf("metrics: %d %s", a.status, a.body)
	}
	if a := do(t, "GET", url+"/monitoring/", nil, nil); a.status != 404 {
		t.Errorf("queues without Redis: %d", a.status)
	}
	if a := do(t, "GET", newMonitor(t, httpserver.MonitorConfig{})+"/readyz", nil, nil); a.status != 200 {
		t.Errorf("no checks: %d", a.status)
	}
}

// queues is a monitor over a real Redis with one task in it, behind a proxy on
// this machine. An address may fail to log in three times.
type queues struct {
	*bundle

	url string
}

func newQueues(t *testing.T) queues {
	t.Helper()
	opt, err := asynq.ParseRedisURI(testdb.Redis(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	client := asynq.NewClient(opt)
	if _, err := client.Enqueue(asynq.NewTask("account", []byte(`{"secret":"hunter2"}`)), asynq.Queue("account")); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	b := newBundle(t)
	return queues{bundle: b, url: newMonitor(t, httpserver.MonitorConfig{
		Log: logging.New(b.log, logging.JSON, slog.LevelDebug), Redis: opt, Users: b.users, Auditor: b.users,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Limiter:        httpserver.NewLimiter(func() httpserver.Rate { return httpserver.Rate{FailedLogins: 3} }),
		Payload:        func(string, []byte) string { return "record 7" },
		Pages:          http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("page " + r.URL.Path)) }),
		Links:          []httpserver.Link{{Text: "Sessions & more", Path: "/sessions?a=1&b=2"}},
	})}
}

func (q queues) get(t *testing.T, method, path string, role user.Role) answer {
	t.Helper()
	return do(t, method, q.url+path, nil, func(r *http.Request) {
		if role != "" {
			r.SetBasicAuth("anybody", q.tokens[role].Reveal())
		}
	})
}

func TestQueuesAreShownToOperators(t *testing.T) {
	t.Parallel()
	q := newQueues(t)
	for _, role := range []user.Role{user.Operator, user.Admin} {
		a := q.get(t, "GET", "/monitoring/api/queues/account/pending_tasks", role)
		if a.status != 200 || !strings.Contains(a.body, "record 7") || strings.Contains(a.body, "hunter2") {
			t.Errorf("%s: %d %s", role, a.status, a.body)
		}
	}
	page := q.get(t, "GET", "/monitoring/", user.Operator)
	if page.status != 200 || !strings.Contains(page.body, "<title>Asynq") || !strings.Contains(page.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("page: %d %v", page.status, page.header)
	}
	for _, path := range []string{"/", "/monitoring"} {
		if a := q.get(t, "GET", path, user.Operator); a.status != 302 || a.header.Get("Location") != "/monitoring/" {
			t.Errorf("%s: %d %s", path, a.status, a.header.Get("Location"))
		}
	}
}

func TestQueuesLeadToThePages(t *testing.T) {
	t.Parallel()
	q := newQueues(t)
	for _, path := range []string{"/monitoring/", "/monitoring/queues/account"} {
		a := q.get(t, "GET", path, user.Operator)
		link := `<a href="/sessions?a=1&amp;b=2" style="color:#8ab4f8;margin:0 6px">Sessions &amp; more</a></nav></body></html>`
		if a.status != 200 || !strings.HasSuffix(a.body, link) || !strings.Contains(a.body, "/monitoring/static/js/main") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := q.get(t, "GET", "/sessions/x", user.Operator); a.status != 200 || a.body != "page /sessions/x" {
		t.Errorf("page: %d %s", a.status, a.body)
	}
	for _, path := range []string{"/monitoring/api/queues", "/monitoring/static/js/main.5adda2da.chunk.js", "/monitoring/favicon.ico"} {
		if a := q.get(t, "GET", path, user.Operator); a.status != 200 || strings.Contains(a.body, "/sessions") {
			t.Errorf("%s has links: %d", path, a.status)
		}
	}
}

func TestQueuesNeedALoginOnEverySpelling(t *testing.T) {
	t.Parallel()
	q := newQueues(t)
	for _, path := range []string{
		"/", "/monitoring", "/monitoring/", "//monitoring/", "/monitoring//api/queues", "/monitoring/api/queues",
		"/monitoring/..;/api/queues", "/%6donitoring/api/queues", "/monitoring/%2e%2e/monitoring/api/queues",
		"/monitoring%2fapi%2fqueues", "/healthz/../monitoring/api/queues", "/metrics/..%2fmonitoring/", "/MONITORING/",
		"/healthz/", "/readyz?x=/monitoring", "/sessions", "/sessions/1", "/records/1", "/sessions.css", "/monitoring/api/redis_info", "/monitoring/static/js/main.js",
	} {
		for _, method := range []string{"GET", "POST", "DELETE", "HEAD", "OPTIONS"} {
			if strings.HasPrefix(path, "/readyz?") {
				continue
			}
			if a := q.get(t, method, path, ""); a.status != 401 || strings.Contains(a.body, "account") {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			}
			if a := q.get(t, method, path, user.Viewer); a.status != 403 {
				t.Errorf("%s %s as viewer: %d", method, path, a.status)
			}
		}
	}
	if e := q.users.events; len(e) == 0 || e[0].Outcome != user.Denied {
		t.Errorf("the viewer's attempts were not audited: %v", e)
	}
}

func TestQueuesShowNoServerInternalsAndChangeNothing(t *testing.T) {
	t.Parallel()
	q := newQueues(t)
	for _, path := range []string{
		"/monitoring/api/redis_info", "/monitoring/api/metrics", "/monitoring//api/redis_info", "/monitoring/api//redis_info",
		"/monitoring/api/%72edis_info", "/monitoring/api/queues/../redis_info", "/monitoring/x/../api/metrics", "/monitoring/api/redis_info/",
		"/monitoring/api", "/monitoring/../etc/passwd",
	} {
		if a := q.get(t, "GET", path, user.Admin); a.status != 404 || strings.Contains(a.body, "redis_version") {
			t.Errorf("GET %s: %d %.200s", path, a.status, a.body)
		}
	}
	for method, path := range map[string]string{
		"DELETE": "/monitoring/api/queues/account", "POST": "/monitoring/api/queues/account:pause", "PUT": "/monitoring/api/queues",
	} {
		if a := q.get(t, method, path, user.Admin); a.status != 405 {
			t.Errorf("%s %s: %d", method, path, a.status)
		}
	}
	if a := q.get(t, "GET", "/monitoring/api/queues", user.Admin); !strings.Contains(a.body, `"queue":"account"`) || strings.Contains(a.body, `"paused":true`) {
		t.Errorf("the queue has changed: %s", a.body)
	}
}

// lines are those of the log that tell of refusals.
func (q queues) lines() []string {
	return slices.DeleteFunc(strings.Split(q.log.String(), "\n"), func(l string) bool { return !strings.Contains(l, "monitor request refused") })
}

func TestRefusalsAreLoggedAndSayWhatToDo(t *testing.T) {
	t.Parallel()
	q := newQueues(t)
	if a := q.get(t, "GET", "/sessions", ""); a.status != 401 || !strings.Contains(a.body, "dbfleet token create") {
		t.Errorf("no password: %d %s", a.status, a.body)
	}
	a := do(t, "GET", q.url+"/sessions", nil, func(r *http.Request) { r.SetBasicAuth("anybody", "hunter2") })
	if a.status != 401 || !strings.Contains(a.body, "not valid") || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("a wrong password: %d %s", a.status, a.body)
	}
	a = q.get(t, "GET", "/sessions/"+strings.Repeat("x", 300), user.Viewer)
	if a.status != 403 || !strings.Contains(a.body, "dbfleet user role") {
		t.Errorf("a viewer: %d %s", a.status, a.body)
	}
	lines := q.lines()
	if len(lines) != 3 || strings.Contains(q.log.String(), "hunter2") || strings.Contains(q.log.String(), q.tokens[user.Viewer].Reveal()) {
		t.Fatalf("logged: %s", q.log)
	}
	for i, part := range []string{`"status":401`, `"status":401`, `"status":403`} {
		if !strings.Contains(lines[i], part) || !strings.Contains(lines[i], `"path":"/sessions`) || len(lines[i]) > 600 {
			t.Errorf("line %s lacks %s", lines[i], part)
		}
	}
	id := a.header.Get("X-Request-Id")
	if id == "" || !strings.Contains(lines[2], `"request_id":"`+id+`"`) || q.users.actors[0].RequestID != id {
		t.Errorf("request %q is logged as %s and audited as %+v", id, lines[2], q.users.actors[0])
	}
}

func TestARequestWithoutAPasswordIsNoFailedLogin(t *testing.T) {
	t.Parallel()
	q := newQueues(t)
	for range 5 {
		if a := q.get(t, "GET", "/sessions", ""); a.status != 401 {
			t.Errorf("no password: %d", a.status)
		}
	}
	if a := q.get(t, "GET", "/sessions", user.Operator); a.status != 200 {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}

func TestFailedLoginsCountByTheAddressBehindTheProxy(t *testing.T) {
	t.Parallel()
	q := newQueues(t)
	guess := func(from string) answer {
		return do(t, "GET", q.url+"/sessions", nil, func(r *http.Request) {
			r.SetBasicAuth("anybody", "wrong")
			r.Header.Set("X-Forwarded-For", "198.51.100.1, "+from)
		})
	}
	for range 3 {
		guess("203.0.113.7")
	}
	if a := guess("203.0.113.7"); a.status != 429 || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "wait") {
		t.Errorf("the fourth: %d %s", a.status, a.body)
	}
	if a := guess("203.0.113.8"); a.status != 401 {
		t.Errorf("somebody else behind the proxy: %d", a.status)
	}
	if !strings.Contains(q.log.String(), `"remote_addr":"203.0.113.7"`) {
		t.Errorf("logged: %s", q.log)
	}
}

func TestQueuesWhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	q := newQueues(t)
	q.users.fail(context.DeadlineExceeded)
	if a := q.get(t, "GET", "/monitoring/", user.Operator); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	q.users.fail(errors.New("bug"))
	if a := q.get(t, "GET", "/monitoring/", user.Operator); a.status != 500 || strings.Contains(a.body, "bug") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestQueuesWhilePostgresHangs(t *testing.T) {
	t.Parallel()
	q := newQueues(t)
	q.users.change(func(f *fakeUsers) { f.hangs = true })
	a := q.get(t, "GET", "/monitoring", user.Admin)
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
