package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

type storedUser struct {
	ID       int64
	Name     string
	Role     string
	Disabled *time.Time `json:"disabled_at"`
	Used     *time.Time `json:"last_used_at"`
}

// with sends a request with a token of no role's.
func (b *bundle) with(t *testing.T, token, method, path string) answer {
	t.Helper()
	return b.do(t, request{method: method, path: path, header: map[string]string{"Authorization": "Bearer " + token}})
}

func TestUserGetsATokenAndLosesIt(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var u storedUser
	b.must(t, 201, "POST", "/users", `{"name":"alice","role":"viewer"}`, &u)
	if a := b.must(t, 409, "POST", "/users", `{"name":"alice","role":"admin"}`, nil); a.problem.Code != "name_taken" {
		t.Errorf("made twice: %s", a.body)
	}
	var made struct {
		Token string
		ID    int64
	}
	a := b.must(t, 201, "POST", fmt.Sprintf("/users/%d/tokens", u.ID), `{"name":"laptop","expires_at":"2099-01-01T00:00:00Z"}`, &made)
	if _, err := user.HashToken(secret.New(made.Token)); err != nil || !strings.Contains(a.body, `"expires_at":"2099-01-01T00:00:00Z"`) {
		t.Errorf("made %s", a.body)
	}
	if a := b.with(t, made.Token, "GET", "/me"); a.status != 200 || !strings.Contains(a.body, `"alice"`) {
		t.Errorf("me: %d %s", a.status, a.body)
	}
	mine := b.with(t, made.Token, "GET", "/me/tokens")
	if mine.status != 200 || !strings.Contains(mine.body, `"laptop"`) || strings.Contains(mine.body, made.Token[8:]) || strings.Contains(mine.body, "the admin") {
		t.Errorf("my tokens: %d %s", mine.status, mine.body)
	}
	others := one[int64](t, b, `SELECT min(id) FROM api_tokens`)
	if a := b.with(t, made.Token, "DELETE", fmt.Sprintf("/me/tokens/%d", others)); a.status != 404 || a.problem.Code != "token_not_found" {
		t.Errorf("revoke another's: %d %s", a.status, a.body)
	}
	if a := b.with(t, made.Token, "DELETE", fmt.Sprintf("/tokens/%d", made.ID)); a.status != 403 {
		t.Errorf("the admin's way: %d %s", a.status, a.body)
	}
	if a := b.with(t, made.Token, "DELETE", fmt.Sprintf("/me/tokens/%d", made.ID)); a.status != 204 {
		t.Errorf("revoke mine: %d %s", a.status, a.body)
	}
	if a := b.with(t, made.Token, "GET", "/me"); a.status != 401 {
		t.Errorf("revoked: %d %s", a.status, a.body)
	}
	if shown := b.log.String() + one[string](t, b, `SELECT string_agg(a::text, '') FROM audit_events a`); strings.Contains(shown, made.Token[8:]) {
		t.Error("the token was logged or audited")
	}
}

func TestAdminManagesUsersAndTokens(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	id := one[int64](t, b, `SELECT id FROM users WHERE role = 'viewer'`)
	path := fmt.Sprintf("/users/%d", id)
	var u storedUser
	b.must(t, 200, "PATCH", path, `{"role":"operator"}`, &u)
	if a := b.do(t, request{role: user.Viewer, method: "POST", path: "/sync-sessions", body: aBatch}); u.Role != "operator" || a.status != 201 {
		t.Errorf("%+v; the next request: %d", u, a.status)
	}
	b.must(t, 200, "PATCH", path, `{"disabled":true}`, &u)
	if a := b.do(t, request{role: user.Viewer, method: "GET", path: "/me"}); u.Disabled == nil || a.status != 401 {
		t.Errorf("%+v; the next request: %d", u, a.status)
	}
	if a := b.must(t, 409, "POST", path+"/tokens", `{"expires_at":null}`, nil); a.problem.Code != "user_disabled" {
		t.Errorf("%s", a.body)
	}
	b.must(t, 200, "PATCH", path, `{"disabled":false}`, &u)
	if a := b.do(t, request{role: user.Viewer, method: "GET", path: "/me"}); u.Disabled != nil || a.status != 200 {
		t.Errorf("%+v; the next request: %d", u, a.status)
	}
	var page struct {
		Items []struct {
			ID     int64
			UserID int64 `json:"user_id"`
		}
	}
	b.must(t, 200, "GET", fmt.Sprintf("/tokens?user_id=%d", id), "", &page)
	if len(page.Items) != 1 || page.Items[0].UserID != id {
		t.Fatalf("listed %+v", page.Items)
	}
	b.must(t, 204, "DELETE", fmt.Sprintf("/tokens/%d", page.Items[0].ID), "", nil)
	if a := b.do(t, request{role: user.Viewer, method: "GET", path: "/me"}); a.status != 401 {
		t.Errorf("revoked: %d", a.status)
	}
}

func TestLastAdminCannotBeLost(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	admin := fmt.Sprintf("/users/%d", one[int64](t, b, `SELECT id FROM users WHERE name = 'the admin'`))
	for _, body := range []string{`{"disabled":true}`, `{"role":"viewer"}`} {
		if a := b.must(t, 409, "PATCH", admin, body, nil); a.problem.Code != "last_admin" {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	if a := b.must(t, 400, "PATCH", "/users/0", `{"disabled":true}`, nil); a.problem.Field != "user_id" {
		t.Errorf("the system: %s", a.body)
	}
}

func TestAuditTrailOverTheAPI(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.must(t, 200, "PUT", "/settings/dispatch.host_limit", `{"value":8}`, nil)
	b.do(t, request{role: user.Viewer, method: "GET", path: "/users"})
	type event struct {
		At      time.Time
		User    string `json:"user_name"`
		Action  string
		Object  string `json:"object_id"`
		Outcome string
		Request string `json:"request_id"`
		Remote  string `json:"remote_addr"`
		Detail  map[string]any
	}
	var page struct {
		Items []event
		Next  *string `json:"next_cursor"`
	}
	b.must(t, 200, "GET", "/audit-events?outcome=denied", "", &page)
	if len(page.Items) != 1 || page.Items[0].User != "the viewer" || page.Items[0].Object != "GET /api/v1/users" || page.Items[0].Request == "" || page.Items[0].Remote != "127.0.0.1" {
		t.Errorf("denied: %+v", page.Items)
	}
	b.must(t, 200, "GET", "/audit-events?object_type=setting&object_id=dispatch.host_limit&action=setting.set", "", &page)
	if len(page.Items) != 1 || page.Items[0].Detail["new"] != 8.0 || page.Items[0].Outcome != "done" {
		t.Errorf("setting: %+v", page.Items)
	}
	var actions []string
	for cursor := ""; ; {
		b.must(t, 200, "GET", "/audit-events?limit=2"+cursor, "", &page)
		for _, e := range page.Items {
			actions = append(actions, e.Action)
		}
		if page.Next == nil {
			break
		}
		cursor = "&cursor=" + *page.Next
		if a := b.must(t, 400, "GET", "/audit-events?outcome=done"+cursor, "", nil); a.problem.Field != "cursor" {
			t.Errorf("a cursor of another filter: %s", a.body)
		}
	}
	if len(actions) != 8 || actions[0] != "request.denied" || actions[1] != "setting.set" {
		t.Errorf("paged %v", actions)
	}
	if a := b.must(t, 400, "GET", "/audit-events?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z", "", nil); a.problem.Field != "to" {
		t.Errorf("from after to: %s", a.body)
	}
}

func TestDeniedAttemptIsAuditedWhateverItsPath(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for path, call := range map[string]request{
		"/api/v1/settings/%00": {method: "PUT", path: "/settings/%00", body: `{"value":1}`},
		"/api/v1/users/1%00":   {method: "PATCH", path: "/users/1%00", body: `{"disabled":true}`},
		"/api/v1/users/%FF":    {method: "PATCH", path: "/users/%FF", body: `{"disabled":true}`},
	} {
		call.role = user.Viewer
		if a := b.do(t, call); a.status != 403 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if n := one[int](t, b, `SELECT count(*) FROM audit_events WHERE action = 'request.denied' AND detail->>'path' = $1`, path); n != 1 {
			t.Errorf("%s: %d audit events", path, n)
		}
	}
}
