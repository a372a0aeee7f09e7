package httpserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

func TestRouteWithoutAPermissionIsClosed(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.Echo().GET("/forgotten", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	b.route(http.MethodGet, "/declared", user.Viewer, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	if closed := b.Closed(); len(closed) != 1 || closed[0].Path != "/forgotten" {
		t.Errorf("closed %v", closed)
	}
	if a := b.do(t, "GET", "/forgotten", nil, b.as(user.Admin)); a.status != http.StatusForbidden {
		t.Errorf("an admin gets %d", a.status)
	}
	if a := b.do(t, "GET", "/forgotten", nil, nil); a.status != http.StatusUnauthorized {
		t.Errorf("a stranger gets %d", a.status)
	}
}

func TestRolesAndTheirRefusals(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.route(http.MethodPost, "/api/things/:id", user.Operator, func(c echo.Context) error {
		return c.String(http.StatusOK, user.ActorFrom(c.Request().Context()).Name)
	})
	if a := b.do(t, "POST", "/api/things/5", nil, b.as(user.Operator)); a.status != http.StatusOK || a.body != "operator" {
		t.Errorf("operator: %d %q", a.status, a.body)
	}
	a := b.do(t, "POST", "/api/things/5", nil, b.as(user.Viewer))
	if a.status != http.StatusForbidden || a.problem.Code != "forbidden" {
		t.Errorf("viewer: %d %q", a.status, a.body)
	}
	if len(b.users.events) != 1 {
		t.Fatalf("audited %v", b.users.events)
	}
	e, by := b.users.events[0], b.users.actors[0]
	if e.Outcome != user.Denied || e.ObjectID != "POST /api/things/:id" || by.Name != "viewer" || by.RequestID != a.problem.RequestID || by.RemoteAddr != "127.0.0.1" {
		t.Errorf("audited %+v by %+v", e, by)
	}
}

func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.route(http.MethodGet, "/x", user.Viewer, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	token := b.tokens[user.Viewer].Reveal()
	stranger, _ := user.NewToken(1)
	for name, header := range map[string]string{
		"none": "", "no scheme": token, "basic": "Basic " + token, "empty": "Bearer ", "garbage": "Bearer x",
		"unknown": "Bearer " + stranger.Reveal(), "cut": "Bearer " + token[:len(token)-1], "longer": "Bearer " + token + "a",
		"huge": "Bearer " + strings.Repeat("a", 10_000), "two": "Bearer " + token + " " + token,
	} {
		a := b.do(t, "GET", "/x", nil, func(r *http.Request) { r.Header.Set("Authorization", header) })
		if a.status != http.StatusUnauthorized || a.problem.Code != "unauthorized" || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := b.do(t, "GET", "/x", nil, func(r *http.Request) { r.Header.Set("Authorization", "bearer "+token) }); a.status != http.StatusOK {
		t.Errorf("the scheme is not case-sensitive: %d", a.status)
	}
	if strings.Contains(b.log.String(), token) {
		t.Error("the log holds a token")
	}
}

func TestErrorsAndTheirAnswers(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for i, tt := range []struct {
		err    error
		status int
		code   string
	}{
		{session.ErrNotFound, 404, "session_not_found"},
		{fmt.Errorf("cancel: %w", session.ErrFinished), 409, "already_finished"},
		{session.ErrRunning, 409, "session_running"},
		{session.ErrEmptySelection, 422, "empty_selection"},
		{session.ErrNotServed, 422, "category_not_served"},
		{session.ErrIdempotencyMismatch, 422, "idempotency_mismatch"},
		{fleet.ErrNameTaken, 409, "name_taken"},
		{fleet.ErrCredentialInUse, 409, "credential_in_use"},
		{invalid.Field("host", "must not be empty"), 422, "invalid_value"},
		{echo.NewHTTPError(400).SetInternal(invalid.Field("limit", "is wrong")), 400, "invalid_request"},
		{&http.MaxBytesError{Limit: 1}, 413, "too_large"},
		{fmt.Errorf("read: %w", session.ErrAway), 503, "unavailable"},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), 503, "unavailable"},
		{&net.OpError{Op: "dial", Err: errors.New("refused at 10.9.8.7")}, 503, "unavailable"},
		{errors.New("the table of 10.9.8.7 is gone"), 500, "internal"},
	} {
		path := fmt.Sprintf("/x%d", i)
		b.AllowAll(http.MethodGet, path)
		b.Echo().GET(path, func(echo.Context) error { return tt.err })
		a := b.do(t, "GET", path, nil, nil)
		p := a.problem
		if a.status != tt.status || p.Status != tt.status || p.Code != tt.code || p.Type != "urn:dbfleet:problem:"+tt.code || p.Title == "" {
			t.Errorf("%v: %d %s", tt.err, a.status, a.body)
		}
		if p.RequestID == "" || p.RequestID != a.header.Get("X-Request-Id") {
			t.Errorf("%v: request id %q", tt.err, p.RequestID)
		}
		if strings.Contains(a.body, "10.9.8.7") {
			t.Errorf("%v: shown to the caller: %s", tt.err, a.body)
		}
		if tt.status == 503 && a.header.Get("Retry-After") == "" {
			t.Errorf("%v: no Retry-After", tt.err)
		}
		if tt.status == 500 && strings.Count(b.log.String(), p.RequestID) != 2 {
			t.Errorf("want the error and the request logged once each under %s:\n%s", p.RequestID, b.log)
		}
	}
}

func TestProblemListsEveryField(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.AllowAll(http.MethodGet, "/x")
	b.Echo().GET("/x", func(echo.Context) error {
		return fmt.Errorf("create: %w", errors.Join(invalid.Field("host", "must not be empty"), invalid.Field("port", "is odd")))
	})
	p := b.do(t, "GET", "/x", nil, nil).problem
	if p.Field != "host" || len(p.Errors) != 2 || p.Errors[1].Field != "port" || p.Detail != "host: must not be empty; port: is odd" {
		t.Errorf("%+v", p)
	}
}

func TestPanicIsAnsweredAndLoggedWithItsStack(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.AllowAll(http.MethodGet, "/x")
	b.Echo().GET("/x", func(echo.Context) error { panic("at 10.9.8.7") })
	a := b.do(t, "GET", "/x", nil, nil)
	if a.status != http.StatusInternalServerError || a.problem.Code != "internal" || strings.Contains(a.body, "10.9.8.7") {
		t.Errorf("%d %s", a.status, a.body)
	}
	log := b.log.String()
	if strings.Count(log, `"level":"ERROR"`) != 1 || !strings.Contains(log, "server_test.go") || !strings.Contains(log, a.problem.RequestID) {
		t.Errorf("log:\n%s", log)
	}
}

func TestUnknownPathAndMethodAreProblems(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.route(http.MethodGet, "/api/x", user.Viewer, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	if a := b.do(t, "GET", "/api/y", nil, nil); a.status != 404 || a.problem.Code != "not_found" {
		t.Errorf("path: %d %s", a.status, a.body)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "TRACE", "BREW"} {
		if a := b.do(t, method, "/api/x", nil, b.as(user.Viewer)); a.status != 405 || a.problem.Code != "method_not_allowed" {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
}

func TestBodyOverTheLimitToTheByte(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.AllowAll(http.MethodPost, "/x")
	b.Echo().POST("/x", func(c echo.Context) error {
		if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
			return err
		}
		return c.NoContent(http.StatusOK)
	})
	const limit = 1 << 20
	for _, announced := range []bool{true, false} {
		for size, want := range map[int]int{limit: 200, limit + 1: 413} {
			var body io.Reader = strings.NewReader(strings.Repeat("a", size))
			if !announced {
				body = struct{ io.Reader }{body} // sent in chunks
			}
			a := b.do(t, "POST", "/x", body, nil)
			if a.status != want || want == 413 && a.problem.Code != "too_large" {
				t.Errorf("%d bytes, announced %v: %d %s", size, announced, a.status, a.body)
			}
		}
	}
}

// The client of a script often sends everything before it reads.
func TestBodyFarOverTheLimitIsAnsweredToo(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.route(http.MethodPost, "/sink", user.Viewer, func(c echo.Context) error {
		_, err := io.Copy(io.Discard, c.Request().Body)
		return err
	})
	const size = 20 << 20
	for _, framing := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n", size),
		fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size),
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		_, err = io.WriteString(conn, "POST /sink HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+b.tokens[user.Viewer].Reveal()+"\r\n"+framing+strings.Repeat("x", size)+"\r\n0\r\n\r\n")
		if err != nil {
			t.Errorf("%.20s: send: %v", framing, err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%.20s: %v", framing, err)
		}
		if answer.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%.20s: %s", framing, answer.Status)
		}
		_ = answer.Body.Close()
		_ = conn.Close()
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.route(http.MethodGet, "/api/x", user.Viewer, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	for _, path := range []string{"/api/x", "/api/none"} {
		h := b.do(t, "GET", path, nil, nil).header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", path, h)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: CORS is on", path)
		}
	}
}

func TestForwardedHeadersCountFromTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	spoof := func(r *http.Request) {
		r.Header.Set("X-Forwarded-For", "203.0.113.7")
		r.Header.Set("X-Real-Ip", "203.0.113.8")
		r.Header.Set("X-Request-Id", "chosen-by-caller")
	}
	for name, tt := range map[string]struct {
		proxies []netip.Prefix
		want    string
	}{
		"nobody is trusted":   {nil, "127.0.0.1"},
		"another is trusted":  {[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "127.0.0.1"},
		"the peer is trusted": {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "203.0.113.7"},
	} {
		b := newBundle(t, tt.proxies...)
		b.AllowAll(http.MethodGet, "/x")
		b.Echo().GET("/x", func(c echo.Context) error { return c.String(http.StatusOK, c.RealIP()) })
		a := b.do(t, "GET", "/x", nil, spoof)
		if a.body != tt.want {
			t.Errorf("%s: %q, want %q", name, a.body, tt.want)
		}
		if a.header.Get("X-Request-Id") == "chosen-by-caller" {
			t.Errorf("%s: a request id from outside was used", name)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	b.AllowAll(http.MethodGet, "/slow")
	b.Echo().GET("/slow", func(c echo.Context) error {
		close(entered)
		<-leave
		return c.NoContent(http.StatusOK)
	})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx, l) }()
	answered := make(chan int, 1)
	go func() { answered <- do(t, "GET", "http://"+l.Addr().String()+"/slow", nil, nil).status }()
	<-entered
	cancel()
	select {
	case err := <-ended:
		t.Fatalf("ended before its request: %v", err)
	case <-time.After(20 * time.Millisecond): // it has to wait for us
	}
	close(leave)
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the request under way got %d", status)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestAnswerThatFailsInItsMiddleIsBrokenOff(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.AllowAll(http.MethodGet, "/file")
	b.Echo().GET("/file", func(c echo.Context) error {
		c.Response().WriteHeader(http.StatusOK)
		if _, err := c.Response().Write([]byte("the first half")); err != nil {
			return err
		}
		c.Response().Flush()
		return errors.New("the database is gone")
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/file", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if text, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%q looks like the whole", text)
	}
	if !strings.Contains(b.log.String(), "answer broken off") {
		t.Errorf("not logged: %s", b.log)
	}
}

func TestRouteMayTakeALongerBody(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for path, limit := range map[string]int64{"/long": 2 << 20, "/usual": 0} {
		b.AllowAll(http.MethodPost, path)
		if limit > 0 {
			b.LimitBody(http.MethodPost, path, limit)
		}
		b.Echo().POST(path, func(c echo.Context) error {
			_, err := io.Copy(io.Discard, c.Request().Body)
			return err
		})
	}
	for name, tt := range map[string]struct {
		path   string
		bytes  int
		status int
		title  string
	}{
		"as long as it may be": {"/long", 2 << 20, 200, ""},
		"a byte more":          {"/long", 2<<20 + 1, 413, "The body is over 2 MiB"},
		"another route":        {"/usual", 1<<20 + 1, 413, "The body is over 1 MiB"},
	} {
		for _, announced := range []bool{true, false} {
			var body io.Reader = strings.NewReader(strings.Repeat("x", tt.bytes))
			if !announced {
				body = struct{ io.Reader }{body} // sent in chunks
			}
			if a := b.do(t, "POST", tt.path, body, nil); a.status != tt.status || a.problem.Title != tt.title {
				t.Errorf("%s, announced %v: %d %s", name, announced, a.status, a.body)
			}
		}
	}
}
