package httpserver

import (
	"context"
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
	loginTimeout   = 800 * time.Millisecond // an answer within a second even while Postgres hangs
	maxURIBytes    = 8 << 10
	maxHeaderBytes = 64 << 10
	maxRawHeader   = 256 << 10 // what net/http itself reads of a header
	maxBodyBytes   = 1 << 20
	maxDrainBytes  = 32 << 20 // of a body that is refused
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

// Config is what a server needs. Every field is required, but for the last four.
type Config struct {
	Log     *slog.Logger
	Users   Users
	Auditor Auditor
	// Unavailable tells the errors that say that Postgres is away: they are
	// answered 503.
	Unavailable func(error) bool
	// TimedOut tells the errors of statements that Postgres has given up: they
	// are answered 504. It is asked before Unavailable; nil: there are none.
	TimedOut func(error) bool
	// TrustedProxies are those whose X-Forwarded-For counts; nil: nobody's.
	TrustedProxies []netip.Prefix
	// Limiter bounds how fast one caller may ask; nil: nothing does.
	Limiter  *Limiter
	Timeouts Timeouts
}

// Server is the API's HTTP server. Register routes before Run.
type Server struct {
	echo    *echo.Echo
	cfg     Config
	allowed map[Route]access
	streams map[Route]bool
	closing chan struct{} // closed when Run is told to stop
	replies replies
	bodies  map[Route]int64 // bytes, where not maxBodyBytes
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
	s := &Server{
		echo: echo.New(), cfg: cfg, allowed: map[Route]access{}, streams: map[Route]bool{}, bodies: map[Route]int64{},
		closing: make(chan struct{}),
	}
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.IPExtractor = ipExtractor(cfg.TrustedProxies)
	s.echo.HTTPErrorHandler = s.answerError
	s.echo.Use(requestID, s.limitTime, compress, s.logRequest, s.recoverPanic, securityHeaders, limitHeader, s.limitBody, s.login, s.permit, s.waitForBody)
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

// Stream says that a route's answer goes on for as long as it has something to
// say: it may take any time, and its context ends when the server is told to
// stop. It is not for use while the server runs.
func (s *Server) Stream(method, path string) {
	s.streams[Route{method, path}] = true
}

// LimitBody lets a route take a body of so many bytes, in place of 1 MiB, and
// Timeouts.Upload to send it. It is not for use while the server runs.
func (s *Server) LimitBody(method, path string, bytes int64) {
	s.bodies[Route{method, path}] = bytes
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

// ServeHTTP answers one request. HEAD is answered as GET is, without the body.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		s.serveHead(w, r)
		return
	}
	s.echo.ServeHTTP(w, r)
}

// Run serves l until ctx ends. Then it takes no more connections, ends all
// streams, closes idle connections, and gives requests under way
// Timeouts.Shutdown to finish before it breaks them off. It returns nil when ctx
// ended it, and closes l. A server runs once.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { close(s.closing) })
	defer stop()
	return serve(ctx, l, s, s.cfg.Log, s.cfg.Timeouts)
}
