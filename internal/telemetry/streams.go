package telemetry

// WatchStreams shows how many streams of events are open; count is asked at each
// scrape and must not block. Call it once.
func (m *Metrics) WatchStreams(count func() int) {
	m.registry.MustRegister(poolGauge("event_streams", "Streams of events that are open.", func() float64 { return float64(count()) }))
}
