package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/user"
)

// Limits of every connection and request.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second // of a request with its body
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	requestTimeout    = 30 * time.Second // of the work on a request
	loginTimeout      = time.Second      // an answer even while Postgres hangs
	shutdownTimeout   = 10 * time.Second
	maxHeaderBytes    = 64 << 10
	maxBodyBytes      = 1 << 20
	maxDrainBytes     = 32 << 20 // of a body that is refused
)

// Users finds out who holds a token.
type Users interface {
	// Authenticate returns the user as it is now, or user.ErrBadToken.
	Authenticate(ctx context.Context, hash user.Hash) (user.User, error)
}

// Auditor keeps what somebody was refused.
type Auditor interface {
	Audit(ctx context.Context, e user.Event) error
}

// Config is what a server needs. Every field is required, but for the proxies.
type Config struct {
	Log     *slog.Logger
	Users   Users
	Auditor Auditor
	// Unavailable tells the errors that say that Postgres is away: they are
	// answered 503.
	Unavailable func(error) bool
	// TrustedProxies are those whose X-Forwarded-For counts; nil: nobody's.
	TrustedProxies []netip.Prefix
}

// Server is the API's HTTP server. Register routes before Run.
type Server struct {
	echo    *echo.Echo
	cfg     Config
	allowed map[Route]access
}

// Route is one method and path as Echo writes it: GET /api/v1/instances/:instance_id.
type Route struct{ Method, Path string }

// access is who may use a route: everybody, or a role and those above it. The
// zero value is nobody.
type access struct {
	public bool
	role   user.Role
}

// New returns a server without routes.
func New(cfg Config) *Server {
	s := &Server{echo: echo.New(), cfg: cfg, allowed: map[Route]access{}}
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.IPExtractor = ipExtractor(cfg.TrustedProxies)
	s.echo.HTTPErrorHandler = s.answerError
	s.echo.Use(requestID, limitTime, s.logRequest, s.recoverPanic, securityHeaders, limitBody, s.login, s.permit)
	return s
}

// Allow opens a route to users whose role is least or above it. It is not for
// use while the server runs.
func (s *Server) Allow(method, path string, least user.Role) {
	s.allowed[Route{method, path}] = access{role: least}
}

// AllowAll opens a route to everybody. It is not for use while the server runs.
func (s *Server) AllowAll(method, path string) {
	s.allowed[Route{method, path}] = access{public: true}
}

// Echo is the router to register routes with.
func (s *Server) Echo() *echo.Echo { return s.echo }

// Closed lists the routes that nobody was given a permission for, and that
// therefore refuse everybody: a fault of the program.
func (s *Server) Closed() []Route {
	var closed []Route
	for _, r := range s.echo.Routes() {
		route := Route{r.Method, r.Path}
		if r.Method == echo.RouteNotFound {
			continue
		}
		if a := s.allowed[route]; !a.public && a.role == "" {
			closed = append(closed, route)
		}
	}
	return closed
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// Run serves l until ctx ends, then gives requests under way 10 s to finish.
// It returns nil when ctx ended it, and closes l.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	return serve(ctx, l, s, s.cfg.Log)
}

// serve runs handler with the limits that every server of ours has.
func serve(ctx context.Context, l net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // a client's broken connection, mostly
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	return errors.Join(err, afterShutdown(<-failed))
}

// afterShutdown is what is left of the error of a server that was told to stop.
func afterShutdown(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
