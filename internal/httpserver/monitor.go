package httpserver

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/logging"
)

// MonitorConfig is what a process shows on its monitor address.
type MonitorConfig struct {
	Log     *slog.Logger
	Health  Health
	Metrics http.Handler // nil: no /metrics

	// Redis shows the queues with Asynqmon; nil: it is not there, and what
	// follows is not needed.
	Redis       asynq.RedisConnOpt
	Users       Users
	Auditor     Auditor
	Unavailable func(error) bool
	Limiter     *Limiter // nil: nothing bounds the logins
	// TrustedProxies are those whose X-Forwarded-For counts; nil: nobody's.
	TrustedProxies []netip.Prefix
	// Payload prints a task's payload: ids only. Nil prints nothing.
	Payload func(taskType string, payload []byte) string
	// Pages answers what is neither health nor Asynqmon's; nil: not found.
	Pages http.Handler
	// Links are shown on Asynqmon's page, in this order.
	Links []Link
}

// Link is a text that leads to a path of the monitor.
type Link struct{ Text, Path string }

// Monitor serves health and metrics to everybody who reaches its address, and
// the queues, read-only, to operators: HTTP Basic with a token as the password
// and any user name.
type Monitor struct {
	cfg     MonitorConfig
	open    http.Handler                 // health and metrics
	queues  *asynqmon.HTTPHandler        // nil without Redis
	address func(r *http.Request) string // of who sent a request
}

const queuesRoot = "/monitoring"

// queuesAPI is what of Asynqmon's own API is passed on: not redis_info, which
// shows the server's configuration, and not metrics, which sends queries to a
// Prometheus.
var queuesAPI = []string{"queues", "queue_stats", "servers", "scheduler_entries"}

// NewMonitor returns a monitor; the caller closes it. It connects to nothing yet.
func NewMonitor(cfg MonitorConfig) *Monitor {
	m := &Monitor{cfg: cfg, open: openRoutes(cfg), address: ipExtractor(cfg.TrustedProxies)}
	if cfg.Redis == nil {
		return m
	}
	payload := cfg.Payload
	if payload == nil {
		payload = func(string, []byte) string { return "" }
	}
	m.queues = asynqmon.New(asynqmon.Options{
		RootPath: queuesRoot, RedisConnOpt: cfg.Redis, ReadOnly: true,
		PayloadFormatter: asynqmon.PayloadFormatterFunc(payload),
		ResultFormatter:  asynqmon.ResultFormatterFunc(func(string, []byte) string { return "" }),
	})
	return m
}

// Close ends Asynqmon's connections to Redis.
func (m *Monitor) Close() error {
	if m.queues == nil {
		return nil
	}
	return m.queues.Close()
}

// Run serves l until ctx ends, as Server.Run does.
func (m *Monitor) Run(ctx context.Context, l net.Listener) error {
	return serve(ctx, l, m, m.cfg.Log, Timeouts{})
}

func openRoutes(cfg MonitorConfig) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", cfg.Health.Live)
	mux.HandleFunc("GET /readyz", cfg.Health.Ready)
	if cfg.Metrics != nil {
		mux.Handle("GET /metrics", cfg.Metrics)
	}
	return mux
}

// ServeHTTP answers one request. Only three exact paths are open; whatever else
// is asked for, in whatever spelling, needs a login first.
func (m *Monitor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if slices.Contains([]string{"/healthz", "/readyz", "/metrics"}, r.URL.Path) {
		m.open.ServeHTTP(w, r)
		return
	}
	if m.queues == nil {
		http.NotFound(w, r)
		return
	}
	id := rand.Text()
	h.Set(echo.HeaderXRequestID, id)
	r = r.WithContext(logging.With(r.Context(), slog.String("request_id", id)))
	if !m.mayLook(w, r, id) {
		return
	}
	if m.cfg.Pages != nil && !strings.HasPrefix(r.URL.Path, queuesRoot) && r.URL.Path != "/" {
		m.cfg.Pages.ServeHTTP(w, r)
		return
	}
	m.serveQueues(w, r)
}

// serveQueues hands the request to Asynqmon when it is plainly one that reads.
func (m *Monitor) serveQueues(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/" || r.URL.Path == queuesRoot:
		http.Redirect(w, r, queuesRoot+"/", http.StatusFound)
	case r.Method != http.MethodGet:
		m.turnAway(w, r, http.StatusMethodNotAllowed, "The monitor only reads: use the dbfleet command or the API to change something.")
	case !showsQueues(r.URL.Path):
		http.Error(w, "No such page: the queues are at "+queuesRoot+"/, the sessions at /sessions.", http.StatusNotFound)
	default:
		w.Header().Set("Content-Security-Policy", queuesPolicy)
		serveLinked(m.queues, m.cfg.Links, w, r)
	}
}

// queuesPolicy lets Asynqmon's page run its own scripts, which are partly
// inline, and load nothing from elsewhere.
const queuesPolicy = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'"

// showsQueues reports whether p, spelt in its simplest form, is one of the
// pages and calls that are passed on.
func showsQueues(p string) bool {
	rest, ok := strings.CutPrefix(p, queuesRoot+"/")
	if !ok || path.Clean(p) != strings.TrimSuffix(p, "/") {
		return false
	}
	call, isAPI := strings.CutPrefix(rest, "api/")
	first, _, _ := strings.Cut(call, "/")
	return !isAPI && rest != "api" || slices.Contains(queuesAPI, first)
}
