package httpserver_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

// listening runs the server on a listener of its own, with its timeouts, until
// stop is called, which returns what Run returned.
func (b *bundle) listening(t *testing.T) (addr string, stop func() error) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx, l) }()
	t.Cleanup(cancel)
	return l.Addr().String(), func() error { cancel(); return <-ended }
}

// raw sends bytes and returns the answer to them.
func raw(t *testing.T, addr, text string) answer {
	t.Helper()
	conn := dial(t, addr)
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second)) // a test that hangs ends
	return conn
}

func fine(c echo.Context) error { return c.NoContent(http.StatusOK) }

// TestEveryFaultIsAProblem holds those of net/http, too, which no handler sees.
func TestEveryFaultIsAProblem(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.AllowAll(http.MethodGet, "/api/x")
	b.Echo().GET("/api/x", fine)
	b.AllowAll(http.MethodPost, "/api/sink")
	b.Echo().POST("/api/sink", func(c echo.Context) error { _, err := io.Copy(io.Discard, c.Request().Body); return err })
	b.AllowAll(http.MethodGet, "/api/panic")
	b.Echo().GET("/api/panic", func(echo.Context) error { panic("a bug") })
	b.route(http.MethodGet, "/api/closed", user.Admin, fine)
	addr, _ := b.listening(t)
	for name, tt := range map[string]struct {
		request string
		status  int
		code    string
		says    string
	}{
		"unknown path":        {"GET /api/none HTTP/1.1\r\nHost: x\r\n\r\n", 404, "not_found", ""},
		"unknown method":      {"DELETE /api/x HTTP/1.1\r\nHost: x\r\n\r\n", 405, "method_not_allowed", ""},
		"no token":            {"GET /api/closed HTTP/1.1\r\nHost: x\r\n\r\n", 401, "unauthorized", ""},
		"panic":               {"GET /api/panic HTTP/1.1\r\nHost: x\r\n\r\n", 500, "internal", ""},
		"body over 1 MiB":     {"POST /api/sink HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n", 413, "too_large", "1 MiB"},
		"path over 8 KiB":     {"GET /api/x?" + strings.Repeat("a", 9<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long", "8 KiB"},
		"header over 64 KiB":  {"GET /api/x HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", 65<<10) + "\r\n\r\n", 431, "header_too_large", "64 KiB"},
		"many headers":        {"GET /api/x HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 15_000) + "\r\n", 431, "header_too_large", "64 KiB"},
		"header over all":     {"GET /api/x HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", 300<<10) + "\r\n\r\n", 431, "header_too_large", "64 KiB"},
		"no host":             {"GET /api/x HTTP/1.1\r\n\r\n", 400, "invalid_request", ""},
		"no HTTP":             {"hello\r\n\r\n", 400, "invalid_request", ""},
		"NUL in a header":     {"GET /api/x HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n", 400, "invalid_request", ""},
		"unknown transfer":    {"POST /api/sink HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xyz\r\n\r\n", 501, "not_implemented", ""},
		"unknown version":     {"GET /api/x HTTP/3.0\r\nHost: x\r\n\r\n", 505, "http_version", ""},
		"two content lengths": {"POST /api/sink HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "invalid_request", ""},
	} {
		a := raw(t, addr, tt.request)
		var p struct {
			Code, Title, Type string
			Status            int
			RequestID         string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s %q", name, a.status, a.header.Get("Content-Type"), a.body)
			continue
		}
		if a.status != tt.status || p.Status != tt.status || p.Code != tt.code || p.Type != "urn:dbfleet:problem:"+tt.code || !strings.Contains(p.Title, tt.says) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if p.RequestID == "" || p.RequestID != a.header.Get("X-Request-Id") || !strings.Contains(b.log.String(), p.RequestID) {
			t.Errorf("%s: request id %q, in the header %q", name, p.RequestID, a.header.Get("X-Request-Id"))
		}
		for _, header := range []string{"X-Content-Type-Options", "Cache-Control", "Content-Security-Policy"} {
			if a.header.Get(header) == "" {
				t.Errorf("%s: no %s", name, header)
			}
		}
		if tt.status == 405 && !strings.Contains(a.header.Get("Allow"), "GET") {
			t.Errorf("%s: allows %q", name, a.header.Get("Allow"))
		}
	}
}

func TestWorkThatTakesTooLongIsAProblem(t *testing.T) {
	t.Parallel()
	b := newBundleWith(t, httpserver.Config{Timeouts: httpserver.Timeouts{Work: 10 * time.Millisecond}})
	b.AllowAll(http.MethodGet, "/x")
	b.Echo().GET("/x", func(c echo.Context) error {
		<-c.Request().Context().Done()
		return fmt.Errorf("read: %w", c.Request().Context().Err())
	})
	if a := b.do(t, "GET", "/x", nil, nil); a.status != 504 || a.problem.Code != "timed_out" || a.header.Get("Retry-After") != "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if text := b.log.String(); !strings.Contains(text, "request took too long") || !strings.Contains(text, "over 10ms") {
		t.Errorf("log: %s", text)
	}
}

func TestStatementThatTakesTooLongIsAProblem(t *testing.T) {
	t.Parallel()
	slow := errors.New("canceling statement due to statement timeout")
	b := newBundleWith(t, httpserver.Config{TimedOut: func(err error) bool { return errors.Is(err, slow) }})
	b.AllowAll(http.MethodGet, "/x")
	b.Echo().GET("/x", func(echo.Context) error { return fmt.Errorf("list: %w: %w", session.ErrAway, slow) })
	if a := b.do(t, "GET", "/x", nil, nil); a.status != 504 || a.problem.Code != "timed_out" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestLongBodyHasTimeToArrive looks at the limits of a connection that sends one.
func TestLongBodyHasTimeToArrive(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var left time.Duration
	for _, path := range []string{"/file", "/plain"} {
		b.route(http.MethodPost, path, user.Operator, func(c echo.Context) error {
			until, _ := c.Request().Context().Deadline()
			left = time.Until(until)
			return c.NoContent(http.StatusNoContent)
		})
	}
	b.LimitBody(http.MethodPost, "/file", 32<<20)
	for name, tt := range map[string]struct {
		path string
		role user.Role
		long bool
	}{
		"a file":               {"/file", user.Operator, true},
		"a file of nobody":     {"/file", "", false},
		"a file of one denied": {"/file", user.Viewer, false},
		"another body":         {"/plain", user.Operator, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tt.path, nil)
		if tt.role != "" {
			b.as(tt.role)(r)
		}
		left = 0
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		b.ServeHTTP(w, r)
		extended := w.read != nil && w.write != nil && time.Until(*w.read) > 4*time.Minute && w.write.After(*w.read)
		if extended != tt.long || (left > 5*time.Minute) != tt.long {
			t.Errorf("%s: %d, %s for the work, more time for the connection: %v", name, w.Code, left, extended)
		}
	}
}

func TestSlowHeaderIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	b := newBundleWith(t, httpserver.Config{Timeouts: httpserver.Timeouts{Header: 50 * time.Millisecond}})
	b.AllowAll(http.MethodGet, "/x")
	b.Echo().GET("/x", fine)
	addr, _ := b.listening(t)
	conn := dial(t, addr)
	if _, err := io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); err != nil && !errors.Is(err, syscall.ECONNRESET) || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestIdleConnectionIsClosed(t *testing.T) {
	t.Parallel()
	b := newBundleWith(t, httpserver.Config{Timeouts: httpserver.Timeouts{Idle: 50 * time.Millisecond}})
	b.AllowAll(http.MethodGet, "/x")
	b.Echo().GET("/x", fine)
	addr, _ := b.listening(t)
	conn := dial(t, addr)
	if _, err := io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(conn); err != nil || !bytes.HasPrefix(all, []byte("HTTP/1.1 200")) {
		t.Errorf("%q, %v", all, err)
	}
}

func TestHeadIsAnsweredLikeGet(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.route(http.MethodGet, "/api/x", user.Operator, func(c echo.Context) error { return c.String(http.StatusOK, "hello") })
	b.route(http.MethodPost, "/api/y", user.Operator, fine)
	for role, want := range map[user.Role]int{user.Operator: 200, user.Viewer: 403} {
		get := b.do(t, "GET", "/api/x", nil, b.as(role))
		head := b.do(t, "HEAD", "/api/x", nil, b.as(role))
		if get.status != want || head.status != want || head.body != "" {
			t.Errorf("%s: GET %d, HEAD %d %q", role, get.status, head.status, head.body)
		}
		for _, name := range []string{"Content-Type", "Content-Length", "Cache-Control"} {
			if get.header.Get(name) != head.header.Get(name) {
				t.Errorf("%s: %s: GET %q, HEAD %q", role, name, get.header.Get(name), head.header.Get(name))
			}
		}
	}
	if a := b.do(t, "HEAD", "/api/y", nil, b.as(user.Operator)); a.status != 405 {
		t.Errorf("where GET is not: %d", a.status)
	}
}

func TestHeadOfAStreamEnds(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.AllowAll(http.MethodGet, "/events")
	b.Echo().GET("/events", func(c echo.Context) error {
		c.Response().Header().Set("Content-Type", "text/event-stream")
		c.Response().WriteHeader(http.StatusOK)
		c.Response().Flush()
		<-c.Request().Context().Done()
		return nil
	})
	for _, accept := range []string{"", "gzip"} {
		a := b.do(t, "HEAD", "/events", nil, func(r *http.Request) { r.Header.Set("Accept-Encoding", accept) })
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/event-stream" || a.body != "" {
			t.Errorf("%q: %d %v", accept, a.status, a.header)
		}
	}
}

func TestLongAnswersAreCompressed(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	long, short := strings.Repeat("hello ", 1000), strings.Repeat("a", 1023)
	for path, body := range map[string]string{"/long": long, "/short": short} {
		b.AllowAll(http.MethodGet, path)
		b.Echo().GET(path, func(c echo.Context) error { return c.String(http.StatusCreated, body) })
	}
	b.Publish("/published", "text/plain", []byte(short))
	b.AllowAll(http.MethodGet, "/empty")
	b.Echo().GET("/empty", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	for name, tt := range map[string]struct {
		path, accept string
		status       int
		zipped       bool
		want         string
	}{
		"long":            {"/long", "gzip", 201, true, long},
		"one of several":  {"/long", "br;q=1.0, GZIP;q=0.8, *;q=0.1", 201, true, long},
		"refused":         {"/long", "gzip;q=0", 201, false, long},
		"nothing said":    {"/long", "", 201, false, long},
		"another coding":  {"/long", "br", 201, false, long},
		"short":           {"/short", "gzip", 201, false, short},
		"published":       {"/published", "gzip", 200, true, short},
		"published plain": {"/published", "", 200, false, short},
		"nothing to send": {"/empty", "gzip", 204, false, ""},
	} {
		a := b.do(t, "GET", tt.path, nil, func(r *http.Request) { r.Header.Set("Accept-Encoding", tt.accept) })
		body := a.body
		if zipped := a.header.Get("Content-Encoding") == "gzip"; zipped != tt.zipped {
			t.Errorf("%s: compressed %v", name, zipped)
		} else if zipped {
			r, err := gzip.NewReader(strings.NewReader(a.body))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(r)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			body = string(plain)
		}
		if a.status != tt.status || body != tt.want || a.header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %d, %d bytes, %v", name, a.status, len(body), a.header)
		}
	}
}

func TestStreamOfEventsArrivesOneByOneAndPlain(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	next := make(chan struct{})
	b.AllowAll(http.MethodGet, "/events")
	b.Echo().GET("/events", func(c echo.Context) error {
		c.Response().Header().Set("Content-Type", "text/event-stream")
		c.Response().WriteHeader(http.StatusOK)
		for range 3 {
			if _, err := fmt.Fprintf(c.Response(), "data: %s\n\n", strings.Repeat("a", 2000)); err != nil {
				return err
			}
			c.Response().Flush()
			<-next
		}
		return nil
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewReader(resp.Body)
	for range 3 {
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, "data: aaa") {
			t.Fatalf("%.20q, %v", line, err)
		}
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{} // the server waits until we have read
	}
	if resp.Header.Get("Content-Encoding") != "" {
		t.Error("compressed")
	}
}

func TestShutdownRefusesNewRequestsAndClosesIdleConnections(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	b.AllowAll(http.MethodGet, "/slow")
	b.Echo().GET("/slow", func(c echo.Context) error {
		close(entered)
		<-leave
		return c.NoContent(http.StatusOK)
	})
	b.AllowAll(http.MethodGet, "/x")
	b.Echo().GET("/x", fine)
	addr, stop := b.listening(t)
	idle := dial(t, addr)
	if _, err := io.WriteString(idle, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(idle)
	resp, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	slow := make(chan int, 1)
	go func() { slow <- do(t, "GET", "http://"+addr+"/slow", nil, nil).status }()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	if _, err := reader.ReadByte(); err == nil { // returns when the server closes it
		t.Error("the idle connection lives")
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr); err == nil {
		_ = conn.Close()
		t.Error("a new connection was taken")
	}
	close(leave)
	if status := <-slow; status != http.StatusOK {
		t.Errorf("the request under way got %d", status)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestShutdownIsBounded(t *testing.T) {
	t.Parallel()
	b := newBundleWith(t, httpserver.Config{Timeouts: httpserver.Timeouts{Shutdown: 20 * time.Millisecond}})
	entered := make(chan struct{})
	b.AllowAll(http.MethodGet, "/stuck")
	b.Echo().GET("/stuck", func(c echo.Context) error {
		close(entered)
		<-c.Request().Context().Done()
		return nil
	})
	addr, stop := b.listening(t)
	conn := dial(t, addr)
	if _, err := io.WriteString(conn, "GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	if err := stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if rest, _ := io.ReadAll(conn); len(rest) != 0 {
		t.Errorf("answered %q", rest)
	}
}
