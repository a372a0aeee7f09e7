package store

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/dbq"
)

// A session that has just begun is unknown to the statistics, which know only
// records that have ended: a page of its records must not be made from all of
// them for that.
func TestFreshSessionBesideAHistoryIsListedByTheIndex(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.instances(t, 200)
	b.sql(t, `INSERT INTO sync_sessions (session_id, sync_type, deadline_at, status, result, completed_at, total_instances, successful_instances)
		SELECT gen_random_uuid(), 'scheduled', now(), 'completed', 'succeeded', now(), 200, 200 FROM generate_series(1, 400)`)
	b.sql(t, `INSERT INTO sync_instance_records (session_id, instance_id, instance_name, status, host_key, credential_id, completed_at, duration_ms)
		SELECT s.session_id, i.id, i.name, 'completed', i.host_key, i.credential_id, now(), 100 FROM sync_sessions s CROSS JOIN instances i`)
	b.sql(t, `VACUUM ANALYZE sync_instance_records`)
	fresh := uuid.New()
	b.sql(t, `INSERT INTO sync_sessions (session_id, sync_type, deadline_at, total_instances) VALUES ($1, 'scheduled', now() + interval '6 h', 200)`, fresh)
	b.sql(t, `INSERT INTO sync_instance_records (session_id, instance_id, instance_name, host_key, credential_id)
		SELECT $1, id, name, host_key, credential_id FROM instances`, fresh)
	arg := dbq.RecordRowsParams{SessionID: fresh, RowLimit: 51, Statuses: []string{"pending", "queued", "running", "failed"}, Unmeasured: true}
	for name, run := range map[string]func(context.Context, *dbq.Queries) error{
		"up": func(ctx context.Context, q *dbq.Queries) error { _, err := q.RecordRows(ctx, arg); return err },
		"down": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.RecordRowsBack(ctx, dbq.RecordRowsBackParams(arg))
			return err
		},
	} {
		scans := strings.Join(explained(t, b.pool, "force_custom_plan", run).scans(), ", ")
		if strings.Contains(scans, "Bitmap") || !strings.Contains(scans, "Index Scan records_status") {
			t.Errorf("%s: %s", name, scans)
		}
	}
}
