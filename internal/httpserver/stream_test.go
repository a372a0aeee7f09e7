package httpserver_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

// deadlines is an answer that remembers how long it may take.
type deadlines struct {
	*httptest.ResponseRecorder

	read, write *time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = &t; return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = &t; return nil }

func TestOnlyAStreamHasNoLimitOfTime(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	limited := map[string]bool{}
	for _, path := range []string{"/stream", "/plain"} {
		b.route(http.MethodGet, path, user.Viewer, func(c echo.Context) error {
			_, limited[path] = c.Request().Context().Deadline()
			return c.NoContent(http.StatusNoContent)
		})
	}
	b.Stream(http.MethodGet, "/stream")
	for path, want := range map[string]bool{"/stream": false, "/plain": true} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		b.as(user.Viewer)(r)
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		b.ServeHTTP(w, r)
		if w.Code != http.StatusNoContent || limited[path] != want {
			t.Errorf("%s: %d, limited %v", path, w.Code, limited[path])
		}
		if lifted := w.read != nil && w.read.IsZero() && w.write != nil && w.write.IsZero(); lifted == want {
			t.Errorf("%s: the connection's limits are lifted: %v", path, lifted)
		}
	}
}

func TestStreamNeedsItsPermission(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.route(http.MethodGet, "/stream", user.Operator, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	b.Stream(http.MethodGet, "/stream")
	if a := b.do(t, http.MethodGet, "/stream", nil, b.as(user.Viewer)); a.status != http.StatusForbidden {
		t.Errorf("a viewer: %d", a.status)
	}
	if a := b.do(t, http.MethodGet, "/stream", nil, nil); a.status != http.StatusUnauthorized {
		t.Errorf("nobody: %d", a.status)
	}
}

func TestStoppingServerEndsItsStreams(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.route(http.MethodGet, "/stream", user.Viewer, waiting)
	b.Stream(http.MethodGet, "/stream")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx, listener) }()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.as(user.Viewer)(r)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "begun" {
		t.Fatalf("%q, %v", lines.Text(), lines.Err())
	}
	stop()
	if !lines.Scan() || lines.Text() != "the server stops" {
		t.Errorf("%q, %v", lines.Text(), lines.Err())
	}
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

// waiting is a stream that says "begun" and ends with its context.
func waiting(c echo.Context) error {
	if _, err := c.Response().Write([]byte("begun\n")); err != nil {
		return err
	}
	c.Response().Flush()
	<-c.Request().Context().Done()
	_, err := c.Response().Write([]byte(context.Cause(c.Request().Context()).Error() + "\n"))
	return err
}

// opened is a stream that has begun, or was refused.
type opened struct {
	*bufio.Scanner

	status int
	header http.Header
}

func (b *bundle) openStream(ctx context.Context, t *testing.T, role user.Role) opened {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.as(role)(r)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	if resp.StatusCode == http.StatusOK && (!lines.Scan() || lines.Text() != "begun") {
		t.Fatalf("%q, %v", lines.Text(), lines.Err())
	}
	return opened{lines, resp.StatusCode, resp.Header}
}

func TestStreamsOfAUserAndOfAProcessAreBounded(t *testing.T) {
	t.Parallel()
	rate := httpserver.Rate{Streams: 3, StreamsPerUser: 2}
	limiter := httpserver.NewLimiter(func() httpserver.Rate { return rate })
	ended := make(chan struct{}, 9)
	b := newBundleWith(t, httpserver.Config{Limiter: limiter})
	b.Stream(http.MethodGet, "/stream")
	b.route(http.MethodGet, "/stream", user.Viewer, waiting)
	b.ended = func() { ended <- struct{}{} }
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	for i, tt := range []struct {
		role user.Role
		want int
	}{{user.Viewer, 200}, {user.Viewer, 200}, {user.Viewer, 429}, {user.Operator, 200}, {user.Admin, 429}} {
		stream := b.openStream(ctx, t, tt.role)
		if stream.status != tt.want || tt.want == 429 && stream.header.Get("Retry-After") != "5" {
			t.Errorf("stream %d: %d %v", i, stream.status, stream.header)
		}
		if tt.want == 429 {
			<-ended
		}
	}
	if n := limiter.Streams(); n != 3 {
		t.Errorf("%d streams are open", n)
	}
	leave()
	for range 3 {
		<-ended
	}
	if n := limiter.Streams(); n != 0 {
		t.Errorf("%d streams are open after their clients have gone", n)
	}
	if stream := b.openStream(t.Context(), t, user.Admin); stream.status != 200 {
		t.Errorf("afterwards: %d", stream.status)
	}
}

func TestStreamEndsWithItsTokenAndRole(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fakeUsers, user.Hash){
		"revoked": func(f *fakeUsers, hash user.Hash) { delete(f.known, hash) },
		"lower role": func(f *fakeUsers, hash user.Hash) {
			f.known[hash] = user.User{ID: 2, Name: "operator", Role: user.Viewer}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBundleWith(t, httpserver.Config{Timeouts: httpserver.Timeouts{Token: time.Millisecond}})
			b.Stream(http.MethodGet, "/stream")
			b.route(http.MethodGet, "/stream", user.Operator, waiting)
			lines := b.openStream(t.Context(), t, user.Operator)
			hash, err := user.HashToken(b.tokens[user.Operator])
			if err != nil {
				t.Fatal(err)
			}
			b.users.fail(session.ErrAway)
			b.users.awaitCalls(20) // while nobody can be asked it goes on
			b.users.fail(nil)
			b.users.change(func(f *fakeUsers) { change(f, hash) })
			if !lines.Scan() || !strings.Contains(lines.Text(), "holds no more") {
				t.Errorf("%q, %v", lines.Text(), lines.Err())
			}
		})
	}
}
