package httpserver_test

import (
	"net/http"
	"testing"

	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

func slow() httpserver.Rate { return httpserver.Rate{PerSecond: 1, Burst: 5, FailedLogins: 3} }

func TestTooManyRequestsOfATokenAreRefused(t *testing.T) {
	t.Parallel()
	b := newBundleWith(t, httpserver.Config{Limiter: httpserver.NewLimiter(slow)})
	b.route(http.MethodGet, "/x", user.Viewer, fine)
	refused := 0
	for range 30 {
		a := b.do(t, "GET", "/x", nil, b.as(user.Viewer))
		if a.status == http.StatusOK {
			continue
		}
		refused++
		if a.status != 429 || a.problem.Code != "rate_limited" || a.header.Get("Retry-After") != "1" {
			t.Fatalf("%d %s, Retry-After %q", a.status, a.body, a.header.Get("Retry-After"))
		}
	}
	if refused < 10 || b.users.calls > 20 { // a slow machine may refill some
		t.Errorf("%d of 30 refused; asked who it is %d times", refused, b.users.calls)
	}
	if a := b.do(t, "GET", "/x", nil, b.as(user.Operator)); a.status != http.StatusOK {
		t.Errorf("another token: %d", a.status)
	}
}

func TestFailedLoginsOfAnAddressAreRefused(t *testing.T) {
	t.Parallel()
	limiter := httpserver.NewLimiter(slow)
	b := newBundleWith(t, httpserver.Config{Limiter: limiter})
	b.route(http.MethodGet, "/x", user.Viewer, fine)
	if a := b.do(t, "GET", "/x", nil, b.as(user.Viewer)); a.status != http.StatusOK {
		t.Fatalf("%d", a.status)
	}
	stranger := func(r *http.Request) {
		plain, _ := user.NewToken(9)
		r.Header.Set("Authorization", "Bearer "+plain.Reveal())
	}
	for i, want := range []int{401, 401, 401, 429, 429} {
		if a := b.do(t, "GET", "/x", nil, stranger); a.status != want {
			t.Errorf("attempt %d: %d %s", i, a.status, a.body)
		}
	}
	if a := b.do(t, "GET", "/x", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer garbage") }); a.status != 429 {
		t.Errorf("garbage: %d", a.status)
	}
	if a := b.do(t, "GET", "/x", nil, b.as(user.Viewer)); a.status != http.StatusOK {
		t.Errorf("a token that was valid before: %d %s", a.status, a.body)
	}
	if calls := b.users.calls; calls != 5 {
		t.Errorf("asked who it is %d times", calls)
	}
}

func TestLoginThatHangsCountsAsAFailedOne(t *testing.T) {
	t.Parallel()
	rate := httpserver.Rate{PerSecond: 100, Burst: 100, FailedLogins: 1}
	b := newBundleWith(t, httpserver.Config{Limiter: httpserver.NewLimiter(func() httpserver.Rate { return rate })})
	b.route(http.MethodGet, "/x", user.Viewer, fine)
	b.users.fail(session.ErrAway)
	for range 5 {
		if a := b.do(t, "GET", "/x", nil, b.as(user.Viewer)); a.status != 503 {
			t.Errorf("while nobody can be asked: %d %s", a.status, a.body)
		}
	}
	b.users.hangs = true
	for i, want := range []int{503, 429} {
		if a := b.do(t, "GET", "/x", nil, b.as(user.Viewer)); a.status != want || a.header.Get("Retry-After") == "" {
			t.Errorf("attempt %d: %d %s", i, a.status, a.body)
		}
	}
}
