package httpserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/logging"
)

// requestIDKey is where the request's id is kept in Echo's context.
const requestIDKey = "request_id"

// requestID gives the request an id of our own; one from outside is not used,
// because it would let strangers write into our log.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := rand.Text()
		c.Set(requestIDKey, id)
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		setContext(logging.With(c.Request().Context(), slog.String("request_id", id)), c)
		return next(c)
	}
}

func idOf(c echo.Context) string {
	id, _ := c.Get(requestIDKey).(string)
	return id
}

func setContext(ctx context.Context, c echo.Context) {
	c.SetRequest(c.Request().WithContext(ctx))
}

// logRequest writes one line per request: info when it may have changed
// something or was refused, debug otherwise. It answers errors itself, so that
// the line has the status that was sent.
func (s *Server) logRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		if err := next(c); err != nil {
			c.Error(err)
		}
		r, status := c.Request(), c.Response().Status
		level := slog.LevelDebug
		if r.Method != http.MethodGet || status >= http.StatusBadRequest {
			level = slog.LevelInfo
		}
		s.cfg.Log.Log(r.Context(), level, "request answered",
			slog.String("method", r.Method), slog.String("route", c.Path()), slog.Int("status", status),
			slog.Int64("size_bytes", c.Response().Size), slog.Int64("duration_ms", time.Since(start).Milliseconds()),
			slog.String("remote_addr", c.RealIP()))
		return nil
	}
}

// recoverPanic turns a panic into an error, and logs where it came from.
func (s *Server) recoverPanic(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			if value == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
				panic(value)
			}
			s.cfg.Log.ErrorContext(c.Request().Context(), "request panicked", "err", fmt.Sprint(value), logging.StackAttr())
			err = errPanicked
		}()
		return next(c)
	}
}

// errPanicked stands for a panic that has been logged already.
var errPanicked = errors.New("panic")

func securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		setSecurity(c.Response().Header())
		return next(c)
	}
}

// setSecurity sets what every answer carries: nothing of it is to be kept,
// framed, run or read by another site.
func setSecurity(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// limitHeader refuses what is too long to be meant. net/http itself refuses a
// header of several times this size, before any handler.
func limitHeader(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		switch {
		case len(r.RequestURI) > maxURIBytes:
			return echo.NewHTTPError(http.StatusRequestURITooLong)
		case headerBytes(r) > maxHeaderBytes:
			return echo.NewHTTPError(http.StatusRequestHeaderFieldsTooLarge)
		}
		return next(c)
	}
}

func headerBytes(r *http.Request) int {
	const framing = len(": \r\n")
	n := 0
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value) + framing
		}
	}
	return n
}

// limitBody refuses a body over 1 MiB, or what the route was given: at once when the request says so, else
// when that much has been read.
func (s *Server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, body := c.Request(), c.Request().Body
		most, ok := s.bodies[Route{r.Method, c.Path()}]
		if !ok {
			most = maxBodyBytes
		}
		if r.ContentLength > most {
			drain(r, body)
			return &http.MaxBytesError{Limit: most}
		}
		r.Body = http.MaxBytesReader(c.Response(), body, most)
		err := next(c)
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			drain(r, body)
		}
		return err
	}
}

// drain reads on for a while: a client that sends first and reads then would
// find its connection broken instead of the answer. One that asks before it
// sends needs none of it.
func drain(r *http.Request, body io.Reader) {
	if r.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, body, maxDrainBytes) // it may end before
	}
}

// errOverTime ends the work on a request that took too long.
var errOverTime = errors.New("answer a request")

// limitTime bounds everything that a request makes us do, but for streams.
func (s *Server) limitTime(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		route, limit := Route{c.Request().Method, c.Path()}, s.cfg.Timeouts.work()
		if s.streams[route] {
			return s.stream(next, c)
		}
		if _, long := s.bodies[route]; long {
			limit += s.cfg.Timeouts.upload()
		}
		ctx, cancel := context.WithTimeoutCause(c.Request().Context(), limit, fmt.Errorf("%w: over %s", errOverTime, limit))
		defer cancel()
		setContext(ctx, c)
		return next(c)
	}
}

// waitForBody gives a slow line the time that a long body needs, and then the
// usual time for the answer. Whoever may not send it has been refused before.
func (s *Server) waitForBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, long := s.bodies[Route{c.Request().Method, c.Path()}]; !long {
			return next(c)
		}
		t, now := s.cfg.Timeouts, time.Now()
		connection := http.NewResponseController(c.Response().Writer)
		err := errors.Join(connection.SetReadDeadline(now.Add(t.upload())), connection.SetWriteDeadline(now.Add(t.upload()+t.answer())))
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("wait for a long body: %w", err)
		}
		return next(c)
	}
}
