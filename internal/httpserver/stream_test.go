package httpserver_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

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
	b.route(http.MethodGet, "/stream", user.Viewer, func(c echo.Context) error {
		if _, err := c.Response().Write([]byte("begun\n")); err != nil {
			return err
		}
		c.Response().Flush()
		<-c.Request().Context().Done()
		_, err := c.Response().Write([]byte(context.Cause(c.Request().Context()).Error() + "\n"))
		return err
	})
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
