package httpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	checkTimeout = time.Second // of one check, so that a prober gets its answer
	sharedFor    = time.Second // that a result stands for all who ask
)

// Health answers whether a process is up and whether it can work. The zero
// value is always ready.
type Health struct {
	// Checks has one func per thing that the process needs, by name. It returns
	// nil when the thing is there; otherwise the text of its error is shown to
	// everybody who reaches the monitor address, so it must say what to do and
	// hold no address and no secret. Checks run side by side, for at most 1 s.
	Checks map[string]func(ctx context.Context) error
}

// Shared returns a check that runs at most once a second, however many ask:
// those who come meanwhile get the last result, or wait for the one under way.
// What it returns is for Checks; goroutines may share it.
func Shared(check func(ctx context.Context) error) func(ctx context.Context) error {
	turn := make(chan struct{}, 1) // guards all below; full while somebody has them
	var result error
	var ended time.Time // zero before the first
	return func(ctx context.Context) error {
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		defer func() { <-turn }()
		if !ended.IsZero() && time.Since(ended) < sharedFor {
			return result
		}
		ctx, cancel := withinCheckTimeout(context.WithoutCancel(ctx)) // whoever asked may leave
		defer cancel()
		result = check(ctx)
		ended = time.Now()
		return result
	}
}

func withinCheckTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, checkTimeout, fmt.Errorf("check: over %s", checkTimeout))
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready   bool              `json:"ready"`
	Missing map[string]string `json:"missing,omitempty"` // why, by name of the check
}

// ServeHealth adds /healthz and /readyz, which everybody may ask.
func (s *Server) ServeHealth(h Health) {
	for path, answer := range map[string]http.HandlerFunc{"/healthz": h.Live, "/readyz": h.Ready} {
		s.AllowAll(http.MethodGet, path)
		s.echo.GET(path, echo.WrapHandler(answer))
	}
}

// Live answers 200 while the process runs.
func (h Health) Live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "up"})
}

// Ready answers 200 when every check passes, otherwise 503 with what is missing.
func (h Health) Ready(w http.ResponseWriter, r *http.Request) {
	missing := h.missing(r.Context())
	status := http.StatusOK
	if len(missing) > 0 {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, readiness{Ready: len(missing) == 0, Missing: missing})
}

func (h Health) missing(ctx context.Context) map[string]string {
	ctx, cancel := withinCheckTimeout(ctx)
	defer cancel()
	missing := map[string]string{}
	var mu sync.Mutex // guards missing
	var wait sync.WaitGroup
	for name, check := range h.Checks {
		wait.Go(func() {
			if err := check(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				missing[name] = err.Error()
			}
		})
	}
	wait.Wait()
	return missing
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller has gone: nobody is left to tell
}
