package telemetry

import "github.com/prometheus/client_golang/prometheus"

// PoolUse is how a pool of connections to our own Postgres is used at a moment.
type PoolUse struct {
	Busy, Idle, Max int
	Waits           int64   // times that somebody had to wait for a connection, ever
	WaitedSeconds   float64 // that they waited together
}

// WatchPool shows the use of a pool; it is asked at each scrape and must not
// block. Call it once.
func (m *Metrics) WatchPool(use func() PoolUse) {
	m.registry.MustRegister(
		poolGauge("db_connections_busy", "Connections of the pool that are in use.", func() float64 { return float64(use().Busy) }),
		poolGauge("db_connections_idle", "Connections of the pool that nobody uses.", func() float64 { return float64(use().Idle) }),
		poolGauge("db_connections_max", "Connections that the pool may have.", func() float64 { return float64(use().Max) }),
		poolCounter("db_waits_total", "Times that somebody waited for a connection.", func() float64 { return float64(use().Waits) }),
		poolCounter("db_wait_seconds_total", "Time waited for a connection.", func() float64 { return use().WaitedSeconds }),
	)
}

func poolGauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, value)
}

func poolCounter(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, value)
}
