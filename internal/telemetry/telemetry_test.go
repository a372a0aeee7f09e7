package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/telemetry"
)

func scrape(m *telemetry.Metrics) string {
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return rec.Body.String()
}

func TestHandlerServesWhatWasCounted(t *testing.T) {
	t.Parallel()
	m := telemetry.New()
	m.Settled.WithLabelValues("account", "completed").Add(3)
	m.Fenced.Inc()
	m.Reaped.WithLabelValues("lost").Inc()
	m.Reconciled.Inc()
	m.Dropped.WithLabelValues("garbage").Inc()
	m.Query("mysql", "query:accounts", 1500*time.Millisecond)
	m.Query("mysql", "query:accounts", time.Second)
	got := scrape(m)
	for _, want := range []string{
		`dbfleet_records_settled_total{category="account",result="completed"} 3`,
		"dbfleet_fenced_writes_total 1",
		`dbfleet_target_queries_total{engine="mysql",phase="query:accounts"} 2`,
		`dbfleet_target_query_seconds_total{engine="mysql",phase="query:accounts"} 2.5`,
		`dbfleet_reaped_total{reason="lost"} 1`,
		"dbfleet_reconciled_total 1",
		`dbfleet_dropped_tasks_total{reason="garbage"} 1`,
	} {
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("no line %q in\n%s", want, got)
		}
	}
}

func TestTwoProcessesInOneTestShareNothing(t *testing.T) {
	t.Parallel()
	a, b := telemetry.New(), telemetry.New()
	a.Fenced.Inc()
	if got := scrape(b); !strings.Contains(got, "dbfleet_fenced_writes_total 0") {
		t.Error("counted in the other's registry")
	}
}
