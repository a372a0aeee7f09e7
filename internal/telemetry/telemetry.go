// Package telemetry knows the metrics: what a process counts itself, the figures
// of the whole fleet that one scheduler shows for all, and how they are served.
// It counts nothing by itself, and no label holds an id.
package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics holds the counters of one process. Dashboards use their names and
// labels; do not rename. Make one with New. Goroutines may share it.
type Metrics struct {
	registry *prometheus.Registry

	Settled    *prometheus.CounterVec // records settled by this process; labels category, result
	Fenced     prometheus.Counter     // writes that matched no row, since another attempt had taken over
	Reaped     *prometheus.CounterVec // running records taken back; label reason: lost, stuck
	Reconciled prometheus.Counter     // queued records that were made due again
	Dropped    *prometheus.CounterVec // tasks that were not run; label reason
	Purged     *prometheus.CounterVec // rows that were too old; label kind: session, record, fire, audit_month
	Fires      *prometheus.CounterVec // fire times of schedules that this process dealt with; label outcome

	// Statements on targets, and their seconds; labels engine, phase. Query counts them.
	Queries, QuerySeconds *prometheus.CounterVec

	Claims   prometheus.Histogram     // one claim in Postgres
	Collects *prometheus.HistogramVec // reading one target, whatever came of it; labels engine, category
	Settles  prometheus.Histogram     // storing the results of one record or its failure, waiting for Postgres included

	Fleet *Fleet
}

// New returns metrics in a registry of their own, beside those of the process
// and of the Go runtime.
func New() *Metrics {
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		Settled:    vec("records_settled_total", "Records settled by this process.", "category", "result"),
		Fenced:     counter("fenced_writes_total", "Writes refused because another attempt had taken the record."),
		Reaped:     vec("reaped_total", "Running records taken back from a lost or stuck holder.", "reason"),
		Reconciled: counter("reconciled_total", "Queued records made due again because the queue had lost them."),
		Dropped:    vec("dropped_tasks_total", "Tasks that were not run.", "reason"),
		Purged:     vec("purged_total", "What was deleted because it was older than the settings keep.", "kind"),
		Fires:      vec("schedule_fires_total", "Fire times of schedules that this process dealt with.", "outcome"),

		Queries:      vec("target_queries_total", "Statements run on targets.", "engine", "phase"),
		QuerySeconds: vec("target_query_seconds_total", "Seconds that statements on targets took.", "engine", "phase"),

		Claims:   prometheus.NewHistogram(durations("claim_seconds", "One claim of a record.", ourBuckets)),
		Collects: prometheus.NewHistogramVec(durations("collect_seconds", "Reading one target.", targetBuckets), []string{"engine", "category"}),
		Settles:  prometheus.NewHistogram(durations("settle_seconds", "Storing what came of one record.", ourBuckets)),

		Fleet: newFleet(),
	}
	m.registry.MustRegister(m.Settled, m.Fenced, m.Reaped, m.Reconciled, m.Dropped, m.Purged, m.Fires, m.Queries, m.QuerySeconds, m.Claims, m.Collects, m.Settles,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, vec := range m.Fleet.all() {
		m.registry.MustRegister(vec)
	}
	return m
}

// Query counts one statement on a target, whatever came of it. phase is that of a
// record's failure in it.
func (m *Metrics) Query(engine, phase string, took time.Duration) {
	m.Queries.WithLabelValues(engine, phase).Inc()
	m.QuerySeconds.WithLabelValues(engine, phase).Add(took.Seconds())
}

// Handler serves the metrics to Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

const namespace = "dbfleet"

// Bounds of the histograms in seconds: our own Postgres answers in milliseconds,
// a target may take minutes.
var (
	ourBuckets    = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}
	targetBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}
)

func durations(name, help string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func vec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}
