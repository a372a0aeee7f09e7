package sweep

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

// oldData is a store with so many sessions of a record each and so many lines
// that are too old.
type oldData struct {
	mu              sync.Mutex // guards what follows
	sessions, fires int
	broken          error
	asked           []int // days and months
}

func (o *oldData) DeleteOldSession(_ context.Context, days int) (int, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, days)
	if o.sessions == 0 || o.broken != nil {
		return 0, false, o.broken
	}
	o.sessions--
	return 1, true, nil
}

func (o *oldData) DeleteOldFires(_ context.Context, days int) (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, days)
	n := min(o.fires, 2000)
	o.fires -= n
	return int64(n), nil
}

func (o *oldData) DropAuditMonth(_ context.Context, keep int) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, keep)
	return "audit_events_202001", nil
}

// left is what has not been deleted, and how often it was asked for something.
func (o *oldData) left() (sessions, fires, asked int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sessions, o.fires, len(o.asked)
}

// purge runs a purger in a bubble until the test ends.
func purge(t *testing.T, o *oldData, edit func(*setting.Settings)) *telemetry.Metrics {
	t.Helper()
	set := setting.Defaults()
	edit(&set)
	m := telemetry.New()
	p := &Purger{
		Store: o, Metrics: m, Log: slog.New(slog.DiscardHandler),
		Settings: func(context.Context) (setting.Settings, error) { return set, nil },
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return m
}

func metrics(m *telemetry.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func TestAPassDeletesABoundedPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &oldData{sessions: purgeRounds + 7, fires: 4500}
		m := purge(t, o, func(s *setting.Settings) { s.AuditMonths = 12 })
		pass(purgeEvery + time.Second)
		if sessions, fires, _ := o.left(); sessions != 7 || fires != 0 {
			t.Errorf("left %d sessions, %d lines", sessions, fires)
		}
		pass(purgeEvery)
		for _, line := range []string{
			`dbfleet_purged_total{kind="session"} 107`, `dbfleet_purged_total{kind="record"} 107`,
			`dbfleet_purged_total{kind="fire"} 4500`, `dbfleet_purged_total{kind="audit_month"} 2`,
		} {
			if !strings.Contains(metrics(m), line) {
				t.Errorf("no line %s", line)
			}
		}
	})
}

func TestZeroKeepsForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &oldData{sessions: 1, fires: 1}
		purge(t, o, func(s *setting.Settings) { s.SessionsDays, s.FiresDays, s.AuditMonths = 0, 0, 0 })
		pass(10 * purgeEvery)
		if _, _, asked := o.left(); asked > 0 {
			t.Errorf("asked %d times", asked)
		}
	})
}

func TestWhatCannotBeDeletedKeepsNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &oldData{fires: 5, broken: errors.New("a broken row")}
		purge(t, o, func(*setting.Settings) {})
		pass(purgeEvery + time.Second)
		if _, fires, _ := o.left(); fires != 0 {
			t.Errorf("left %d lines", fires)
		}
	})
}
