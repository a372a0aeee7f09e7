package store

import (
	"testing"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/session"
)

// The first big session comes before any statistics: what was planned for an
// empty table must serve 100,000 records, too.
func TestHotQueriesOfAFirstSessionAreServedByAnIndex(t *testing.T) {
	t.Parallel()
	b := &bigBundle{fleetBundle: newFleet(t), running: uuid.New()}
	b.ended = b.running // no other is there
	b.worker = b.workerOf(t, 1000, session.Account)
	for _, table := range []string{"instances", "sync_sessions", "sync_instance_records", "workers", "session_logins"} {
		b.sql(t, `ALTER TABLE `+table+` SET (autovacuum_enabled = off)`)
	}
	b.sql(t, `INSERT INTO instances (name, engine, host, port, credential_id, host_key)
		SELECT 'i' || g, 'postgresql', 'h' || g / 4, 5432, $1, 'h' || g / 4 FROM generate_series(1, $2) g`, b.credential, bigInstances)
	b.sql(t, `ALTER TABLE sync_instance_records DISABLE TRIGGER ALL`)
	b.addRunning(t, b.running, 1)
	b.sql(t, `ALTER TABLE sync_instance_records ENABLE TRIGGER ALL`)
	queries := b.hotQueries(t)
	for _, name := range []string{
		"TakeDue", "ClaimRecord", "CompleteRecord", "CountRecords", "HasOpenRecords", "OverdueBells", "CountOpenRecords", "CountDueRecords",
		"QueueLoads", "HoldsClaim", "TakeBackLost", "FailDeadHosts", "FailRejectedCredentials", "FailOverdue", "FinishableSessions", "StuckRecords",
	} {
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			plan := explained(t, b.pool, mode, queries[name])
			if faults := plan.unserved(); len(faults) > 0 {
				t.Errorf("%s, %s: %v", name, mode, faults)
			}
		}
	}
}
