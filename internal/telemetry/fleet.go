package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Fleet holds the figures that the database knows and not one process. They
// are shown by the one scheduler that counts them, and by no other. Dashboards
// use their names and labels; do not rename.
type Fleet struct {
	Records     *prometheus.GaugeVec // of open sessions; labels category, status
	Due         *prometheus.GaugeVec // pending records whose time has come; label category, as in all that follow
	OldestDue   *prometheus.GaugeVec // seconds that the longest waiting of them has waited
	QueueDepth  *prometheus.GaugeVec // tasks that wait in Redis
	Workers     *prometheus.GaugeVec // live ones that serve the category
	Instances   *prometheus.GaugeVec // active ones that the category is served for
	NeverSynced *prometheus.GaugeVec // of these
	Unverified  *prometheus.GaugeVec // active instances whose server nobody checks; label tls_mode alone
	SyncAge     *prometheus.GaugeVec // seconds since the last good sync; labels category, instance: newest, stalest
}

func newFleet() *Fleet {
	return &Fleet{
		Records:     gauges("records", "Records of sessions that have not ended.", "category", "status"),
		Due:         gauges("records_due", "Pending records whose time has come.", "category"),
		OldestDue:   gauges("oldest_due_seconds", "How long the longest waiting due record has waited.", "category"),
		QueueDepth:  gauges("queue_depth", "Tasks that wait in the queue.", "category"),
		Workers:     gauges("workers", "Live workers that serve the category.", "category"),
		Instances:   gauges("instances", "Active instances that the category is served for.", "category"),
		NeverSynced: gauges("instances_never_synced", "Active instances without a good sync.", "category"),
		Unverified:  gauges("instances_unverified", "Active instances in a TLS mode that does not check the server.", "tls_mode"),
		SyncAge:     gauges("last_sync_age_seconds", "Time since the last good sync, of the instance synced last and of the one that has waited longest.", "category", "instance"),
	}
}

func (f *Fleet) all() []*prometheus.GaugeVec {
	return []*prometheus.GaugeVec{f.Records, f.Due, f.OldestDue, f.QueueDepth, f.Workers, f.Instances, f.NeverSynced, f.Unverified, f.SyncAge}
}

// Clear shows no figure until the next one is set.
func (f *Fleet) Clear() {
	for _, vec := range f.all() {
		vec.Reset()
	}
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}
