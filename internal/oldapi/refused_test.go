package oldapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/oldapi"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/user"
)

func TestUnknownSessionIsToldInTheOldWords(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.fleet(t)
	for _, id := range []string{nobody, "/sessions/7", "/sessions/%00", "/sessions/00000000000040008000000000000005", "/sessions/%E4%BC%9A"} {
		for _, rest := range []string{"", "/error-logs"} {
			b.do(t, user.Viewer, "GET", id+rest).says(t, id+rest, 404, unknown)
		}
		b.do(t, user.Operator, "POST", id+"/cancel").says(t, id, 400, refused)
	}
}

func TestCancelIsTheSameAsThatOfTheNewAPI(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.fleet(t)
	for range 2 { // what is being cancelled may be cancelled again
		b.do(t, user.Operator, "POST", running+"/cancel").says(t, "running", 200, cancelled)
	}
	got := one[string](t, b, `SELECT s.status || ' by ' || u.name || ': ' || string_agg(r.status, ' ' ORDER BY r.id)
		FROM sync_sessions s JOIN users u ON u.id = s.cancelled_by JOIN sync_instance_records r USING (session_id)
		WHERE s.id = 5 GROUP BY s.status, u.name`)
	if got != "cancelling by the operator: completed running cancelled cancelled cancelled cancelled cancelled cancelled" {
		t.Error(got)
	}
	audited := one[string](t, b, `SELECT string_agg(user_name || ' ' || action || ' ' || object_id, ', ' ORDER BY id)
		FROM audit_events WHERE action LIKE 'sync_session.%'`)
	if audited != "the operator sync_session.cancel 00000000-0000-4000-8000-000000000005" {
		t.Errorf("audited: %s", audited)
	}
	for _, path := range []string{failed, empty, "/sessions/00000000-0000-4000-8000-000000000001"} {
		b.do(t, user.Operator, "POST", path+"/cancel").says(t, path, 400, refused)
	}
}

// TestRolesOnEveryRoute holds role and route as a table.
func TestRolesOnEveryRoute(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.fleet(t)
	if closed := b.server.Closed(); len(closed) > 0 {
		t.Errorf("routes without a permission: %v", closed)
	}
	routes := map[string][]int{ // without a token, viewer, operator, admin
		"GET /sessions":                  {401, 200, 200, 200},
		"GET " + running:                 {401, 200, 200, 200},
		"GET " + running + "/error-logs": {401, 200, 200, 200},
		"GET /statistics":                {401, 200, 200, 200},
		"POST " + cancelling + "/cancel": {401, 403, 200, 200},
		"POST " + failed + "/cancel":     {401, 403, 400, 400},
		"POST /sessions/%00/cancel":      {401, 403, 400, 400},
	}
	if got := len(b.server.Echo().Routes()); got != len(routes)-2 {
		t.Errorf("%d routes", got)
	}
	for route, statuses := range routes {
		method, path, _ := strings.Cut(route, " ")
		for i, role := range append([]user.Role{""}, user.Roles()...) {
			if a := b.do(t, role, method, path); a.status != statuses[i] {
				t.Errorf("%s as %q: %d, want %d", route, role, a.status, statuses[i])
			}
		}
	}
	if n := one[int](t, b, `SELECT count(*) FROM audit_events WHERE action = 'request.denied' AND user_name = 'the viewer'`); n != 3 {
		t.Errorf("%d denied attempts were audited", n)
	}
}

func TestErrorsHaveTheOldShape(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.fleet(t)
	a := b.do(t, "", "GET", "/sessions")
	a.says(t, "no token", 401, `{"success":false,"message":"未登录或令牌无效"}`+"\n")
	if a.header.Get("WWW-Authenticate") == "" {
		t.Error("does not say how to log in")
	}
	b.do(t, user.Viewer, "POST", running+"/cancel").says(t, "viewer", 403, `{"success":false,"message":"权限不足"}`+"\n")
	b.do(t, user.Viewer, "GET", "/nothing").says(t, "path", 404, `{"success":false,"message":"接口不存在"}`+"\n")
	b.do(t, user.Viewer, "DELETE", "/sessions").says(t, "method", 405, `{"success":false,"message":"不支持的请求方法"}`+"\n")
	b.url = strings.TrimSuffix(b.url, "/api")
	if page := b.do(t, user.Viewer, "GET", "/"); page.status != 404 || page.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the page is none of these routes: %d %v", page.status, page.header)
	}
}

// broken is a service whose reads fail.
type broken struct {
	*store.Store
	err error
}

func (s broken) TallySessions(context.Context) ([]session.Tally, error) { return nil, s.err }

func TestFaultsOfOursHaveTheOldShape(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.serve(t, broken{b.store, session.ErrAway})
	a := b.do(t, user.Viewer, "GET", "/statistics")
	a.says(t, "away", 503, `{"success":false,"message":"数据库暂时不可用，请稍后再试"}`+"\n")
	if a.header.Get("Retry-After") == "" {
		t.Error("does not say when to come back")
	}
	b.serve(t, broken{b.store, context.DeadlineExceeded})
	if a := b.do(t, user.Viewer, "GET", "/statistics"); a.status != 503 {
		t.Errorf("over time: %d", a.status)
	}
	b.serve(t, broken{b.store, echo.ErrTeapot}) // stands for whatever nobody thought of
	b.do(t, user.Viewer, "GET", "/statistics").says(t, "bug", 500, `{"success":false,"message":"服务器内部错误"}`+"\n")
}

// written catches how errors are written, for those that the server does not
// make by itself here.
type written struct {
	*httpserver.Server
	reply httpserver.Reply
}

func (w *written) ReplyBelow(_ string, reply httpserver.Reply) { w.reply = reply }

func TestEveryStatusHasWords(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	w := &written{Server: b.server}
	(&oldapi.API{Sessions: b.store, Settings: b.settings}).Register(w)
	for status, words := range map[int]string{
		429: "请求过于频繁，请稍后再试", 413: "请求体过大", 400: "请求无效", 415: "请求无效", 431: "请求无效",
	} {
		rec := httptest.NewRecorder()
		if err := w.reply(echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", nil), rec), status, "any"); err != nil {
			t.Fatal(err)
		}
		if want := `{"success":false,"message":"` + words + `"}` + "\n"; rec.Code != status || rec.Body.String() != want {
			t.Errorf("%d: %d %s", status, rec.Code, rec.Body)
		}
	}
}
