package store

import (
	"context"
	"testing"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// listQueries lists those that answer a page of sessions or records, or a
// question about them.
func (b *bigBundle) listQueries(t *testing.T) map[string]func(context.Context, *dbq.Queries) error {
	t.Helper()
	all, failed, pattern, instance := texts(session.RecordStatuses()), []string{"failed"}, "%999%", int64(77)
	waiting := values[int64](t, b.pool, `SELECT id FROM sync_instance_records WHERE session_id = $1 AND status = 'pending' LIMIT 500`, b.running)
	name, last := "i99000", value[int64](t, b.pool, `SELECT max(id) FROM sync_instance_records WHERE session_id = $1`, b.ended)
	rows := func(p dbq.RecordRowsParams) func(context.Context, *dbq.Queries) error {
		return func(ctx context.Context, q *dbq.Queries) error { _, err := q.RecordRows(ctx, p); return err }
	}
	sessions := func(p dbq.SessionsByStartParams) func(context.Context, *dbq.Queries) error {
		return func(ctx context.Context, q *dbq.Queries) error { _, err := q.SessionsByStart(ctx, p); return err }
	}
	return map[string]func(context.Context, *dbq.Queries) error{
		"RecordRows":                rows(dbq.RecordRowsParams{SessionID: b.running, RowLimit: 101, Statuses: all}),
		"RecordRows of one status":  rows(dbq.RecordRowsParams{SessionID: b.running, RowLimit: 101, Statuses: failed}),
		"RecordRows of one name":    rows(dbq.RecordRowsParams{SessionID: b.running, RowLimit: 101, Statuses: all, Pattern: &pattern}),
		"RecordRows of one kind":    rows(dbq.RecordRowsParams{SessionID: b.ended, RowLimit: 101, Statuses: all, ErrorFingerprint: "0000000000000000"}),
		"RecordRows of no duration": rows(dbq.RecordRowsParams{SessionID: b.running, RowLimit: 101, Statuses: all, Unmeasured: true}),
		"RecordRowsBack": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.RecordRowsBack(ctx, dbq.RecordRowsBackParams{SessionID: b.ended, RowLimit: 101, Statuses: all, After: last - 1000})
			return err
		},
		"RecordsByDuration": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.RecordsByDuration(ctx, dbq.RecordsByDurationParams{
				SessionID: b.ended, RowLimit: 101, Statuses: all, AfterMs: 700, AfterID: last,
			})
			return err
		},
		"RecordsByDurationBack": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.RecordsByDurationBack(ctx, dbq.RecordsByDurationBackParams{SessionID: b.ended, RowLimit: 101, Statuses: all})
			return err
		},
		"RecordsByName": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.RecordsByName(ctx, dbq.RecordsByNameParams{SessionID: b.ended, RowLimit: 101, Statuses: all, AfterName: "i5", AfterID: last})
			return err
		},
		"RecordObstacles": func(ctx context.Context, q *dbq.Queries) error { _, err := q.RecordObstacles(ctx, waiting); return err },
		"ErrorKinds": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.ErrorKinds(ctx, dbq.ErrorKindsParams{SessionID: b.ended, KindsLimit: maxErrorKinds, Samples: errorSamples})
			return err
		},
		"ForecastRecords": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.ForecastRecords(ctx, dbq.ForecastRecordsParams{SessionID: b.running, Category: "account", Sample: forecastSample})
			return err
		},
		"SessionsByStart":             sessions(dbq.SessionsByStartParams{RowLimit: 51}),
		"SessionsByStart of instance": sessions(dbq.SessionsByStartParams{RowLimit: 51, InstanceID: &instance}),
		"SessionsByStart of schedule": sessions(dbq.SessionsByStartParams{RowLimit: 51, ScheduleID: &instance}),
		"SessionsByStart of name":     sessions(dbq.SessionsByStartParams{RowLimit: 51, Pattern: &pattern, InstanceName: &name}),
		"SessionsSorted": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.SessionsSorted(ctx, dbq.SessionsSortedParams{RowLimit: 51, Sign: -1, SortBy: "duration", InstanceID: &instance})
			return err
		},
		"SessionStatistics": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.SessionStatistics(ctx, dbq.SessionStatisticsParams{Zone: "UTC", InstanceID: &instance})
			return err
		},
	}
}
