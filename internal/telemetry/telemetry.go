// Package telemetry knows the metrics that a process counts itself, and how
// they are served. What the database knows (queue lengths, open sessions) is
// not counted here, and no label holds an id.
package telemetry

import (
	"net/http"

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
	}
	m.registry.MustRegister(m.Settled, m.Fenced, m.Reaped, m.Reconciled, m.Dropped,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics to Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

const namespace = "dbfleet"

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func vec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}
