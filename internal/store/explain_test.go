package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// A bigBundle is a database with a million records: ended sessions, and two big
// running ones with a window in flight, which the statistics do not know yet.
type bigBundle struct {
	*fleetBundle
	ended, running uuid.UUID
	worker         uuid.UUID
}

const (
	bigInstances = 100_000
	bigEnded     = 8 // sessions
)

func newBig(t *testing.T) *bigBundle {
	t.Helper()
	b := &bigBundle{fleetBundle: newFleet(t), ended: uuid.New(), running: uuid.New()}
	b.worker = b.workerOf(t, 1000, session.Account)
	b.sql(t, `INSERT INTO instances (name, engine, host, port, credential_id, host_key)
		SELECT 'i' || g, 'postgresql', 'h' || g / 4, 5432, $1, 'h' || g / 4 FROM generate_series(1, $2) g`, b.credential, bigInstances)
	b.sql(t, `ALTER TABLE sync_instance_records DISABLE TRIGGER ALL`) // two million look-ups of foreign keys
	for i := range bigEnded {
		id := uuid.New()
		if i == 0 {
			id = b.ended
		}
		b.addEnded(t, id)
	}
	b.sql(t, `VACUUM ANALYZE`) // the statistics of the night before: nothing is pending, nobody runs
	b.addRunning(t, b.running, 1)
	b.addRunning(t, uuid.New(), 2)
	b.sql(t, `ALTER TABLE sync_instance_records ENABLE TRIGGER ALL`)
	b.sql(t, `UPDATE sync_instance_records SET contact = 'unreachable', lane = 1
		WHERE session_id = $1 AND status = 'pending' AND host_key IN ('h7', 'h8', 'h9')`, b.running)
	return b
}

func (b *bigBundle) addEnded(t *testing.T, id uuid.UUID) {
	t.Helper()
	b.sql(t, `INSERT INTO sync_sessions (session_id, sync_type, deadline_at, status, result, completed_at, total_instances,
			successful_instances, failed_instances)
		VALUES ($1, 'scheduled', now(), 'failed', 'partial', now(), $2, $2 - $2 / 20, $2 / 20)`, id, bigInstances)
	b.sql(t, `INSERT INTO sync_instance_records (session_id, instance_id, instance_name, status, host_key, credential_id, credential_version,
			attempt, gen, completed_at, duration_ms, contact, error_code, error_phase, error_message, error_fingerprint, items_synced)
		SELECT $1, i.id, i.name, CASE WHEN bad THEN 'failed' ELSE 'completed' END, i.host_key, i.credential_id, 1,
			1, 1, now(), 200 + i.id % 1000, CASE WHEN bad THEN 'unreachable' ELSE 'alive' END,
			CASE WHEN bad THEN CASE WHEN i.id % 40 = 0 THEN 'auth_failed' ELSE 'connect_timeout' END END,
			CASE WHEN bad THEN 'connect' END, CASE WHEN bad THEN 'no answer' END,
			CASE WHEN bad THEN left(md5((i.id % 40)::text), 16) ELSE '' END, 20
		FROM (SELECT *, id % 20 = 0 AS bad FROM instances) i`, id)
}

// addRunning adds a session of which a fifth has been read, some is under way,
// and the rest waits.
func (b *bigBundle) addRunning(t *testing.T, id uuid.UUID, part int) {
	t.Helper()
	b.sql(t, `INSERT INTO sync_sessions (session_id, sync_type, deadline_at, total_instances)
		VALUES ($1, 'scheduled', now() + interval '6 h', $2)`, id, bigInstances)
	b.sql(t, `INSERT INTO session_logins (session_id, credential_id, credential_version) VALUES ($1, $2, 1)`, id, b.credential)
	b.sql(t, `INSERT INTO sync_instance_records (session_id, instance_id, instance_name, host_key, credential_id, status,
			completed_at, contact, duration_ms, queued_at, gen, worker_id, started_at, attempt, deadline_at)
		SELECT $1, id, name, host_key, credential_id, status,
			CASE WHEN status = 'completed' THEN now() END, CASE WHEN status = 'completed' THEN 'alive' ELSE 'unknown' END,
			CASE WHEN status = 'completed' THEN 100 END,
			CASE WHEN status IN ('queued', 'running') THEN now() - interval '1 min' END, 1,
			CASE WHEN status = 'running' THEN $2::uuid END, now(), 1,
			CASE WHEN status = 'running' THEN now() + interval '5 min' END
		FROM (SELECT *, CASE WHEN id % 5 = 0 THEN 'completed' WHEN id % 200 = $3 THEN 'queued'
			WHEN id % 400 = $3 + 2 THEN 'running' ELSE 'pending' END AS status FROM instances) i`, id, b.worker, part)
}

// An explainer runs queries of package dbq as EXPLAIN and keeps their plans.
type explainer struct {
	tx      pgx.Tx
	plan    planNode
	options string // of EXPLAIN, each with a comma behind it
}

type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Index    string     `json:"Index Name"`
	Rows     float64    `json:"Plan Rows"`
	Cond     string     `json:"Index Cond"`
	Filter   string     `json:"Filter"`
	Actual   float64    `json:"Actual Rows"` // in each loop
	Loops    float64    `json:"Actual Loops"`
	Plans    []planNode `json:"Plans"`
}

func (e *explainer) explain(ctx context.Context, sql string, args []any) error {
	if err := e.tx.QueryRow(ctx, "EXPLAIN ("+e.options+"FORMAT JSON) "+sql, args...).Scan(&planScanner{&e.plan}); err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return nil
}

// planScanner reads the one plan of EXPLAIN's JSON array.
type planScanner struct{ plan *planNode }

func (s *planScanner) Scan(src any) error {
	var text []byte
	switch v := src.(type) {
	case string:
		text = []byte(v)
	case []byte:
		text = v
	}
	var list []struct{ Plan planNode }
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	*s.plan = list[0].Plan
	return nil
}

func (e *explainer) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, e.explain(ctx, sql, args)
}

func (e *explainer) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := e.explain(ctx, sql, args); err != nil {
		return nil, err
	}
	return e.tx.Query(ctx, "SELECT 1 WHERE false")
}

func (e *explainer) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := e.Query(ctx, sql, args...)
	if err != nil {
		return failedRow{err}
	}
	rows.Close()
	return failedRow{pgx.ErrNoRows}
}

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

// walk calls visit for every node below and including n.
func (n planNode) walk(visit func(planNode)) {
	visit(n)
	for _, child := range n.Plans {
		child.walk(visit)
	}
}

// scans lists the ways in which the plan reads the records.
func (n planNode) scans() []string {
	var out []string
	n.walk(func(n planNode) {
		if strings.Contains(n.Type, "Scan") && n.Type != "CTE Scan" && (n.Relation == "sync_instance_records" || n.Index != "") {
			out = append(out, strings.TrimSpace(n.Type+" "+n.Index))
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// partialIndexes are the ones that hold few records, so
// that reading all of one is fine.
var partialIndexes = []string{
	"records_queued", "records_of_worker", "records_one_running", "records_busy", "sync_sessions_open",
}

// unserved says what is wrong with the plan: a scan of all records, or of all
// of an index that holds every one of them.
func (n planNode) unserved() []string {
	var faults []string
	n.walk(func(n planNode) {
		all := n.Type == "Seq Scan" && n.Relation == "sync_instance_records"
		whole := strings.Contains(n.Type, "Index") && strings.Contains(n.Type, "Scan") && n.Cond == "" &&
			(strings.HasPrefix(n.Index, "records_") || strings.HasPrefix(n.Index, "sync_instance_records")) &&
			!slices.Contains(partialIndexes, n.Index)
		if all || whole {
			faults = append(faults, n.Type+" "+n.Index)
		}
	})
	return faults
}

// hotQueries lists every query that runs all the time or answers a page.
func (b *bigBundle) hotQueries(t *testing.T) map[string]func(context.Context, *dbq.Queries) error {
	t.Helper()
	record := value[int64](t, b.pool, `SELECT id FROM sync_instance_records WHERE session_id = $1 AND status = 'running' LIMIT 1`, b.running)
	queued := values[int64](t, b.pool, `SELECT id FROM sync_instance_records WHERE session_id = $1 AND status = 'queued' LIMIT 200`, b.running)
	gens := make([]int32, len(queued))
	code, empty, failed := "refused", "", "failed"
	queries := b.listQueries(t)
	maps.Copy(queries, map[string]func(context.Context, *dbq.Queries) error{
		"TakeDue":          func(ctx context.Context, q *dbq.Queries) error { _, err := q.TakeDue(ctx, takeDueParams()); return err },
		"CountOpenRecords": func(ctx context.Context, q *dbq.Queries) error { _, err := q.CountOpenRecords(ctx); return err },
		"CountDueRecords":  func(ctx context.Context, q *dbq.Queries) error { _, err := q.CountDueRecords(ctx); return err },
		"QueueLoads":       func(ctx context.Context, q *dbq.Queries) error { _, err := q.QueueLoads(ctx); return err },
		"ClaimRecord": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.ClaimRecord(ctx, dbq.ClaimRecordParams{ID: queued[0], Gen: 1, WorkerID: b.worker, TimeLimit: time.Minute})
			return err
		},
		"SkipQueuedRecord": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.SkipQueuedRecord(ctx, dbq.SkipQueuedRecordParams{ID: queued[0], Gen: 1})
			return err
		},
		"PostponeRecord": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.PostponeRecord(ctx, dbq.PostponeRecordParams{ID: queued[0], Gen: 1})
			return err
		},
		"HoldsClaim": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.HoldsClaim(ctx, dbq.HoldsClaimParams{ID: record, Attempt: 1, WorkerID: b.worker})
			return err
		},
		"CompleteRecord": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.CompleteRecord(ctx, dbq.CompleteRecordParams{ID: record, Attempt: 1, WorkerID: b.worker, SyncDetails: []byte("{}")})
			return err
		},
		"CloseRecord": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.CloseRecord(ctx, dbq.CloseRecordParams{
				ID: record, Attempt: 1, WorkerID: b.worker, Status: failed,
				Contact: "alive", ErrorCode: &code, ErrorPhase: &empty, ErrorMessage: &empty, SyncDetails: []byte("{}"),
			})
			return err
		},
		"ReturnRecord": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.ReturnRecord(ctx, dbq.ReturnRecordParams{
				ID: record, Attempt: 1, WorkerID: b.worker, Contact: "alive",
				ErrorCode: &code, ErrorPhase: &empty, ErrorMessage: &empty,
			})
			return err
		},
		"CountRecords": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.CountRecords(ctx, dbq.CountRecordsParams{SessionIds: []uuid.UUID{b.running, b.ended}})
			return err
		},
		"NewestSessions": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.NewestSessions(ctx, dbq.NewestSessionsParams{RowLimit: 50})
			return err
		},
		"TallySessions": func(ctx context.Context, q *dbq.Queries) error { _, err := q.TallySessions(ctx); return err },
		"RecordDurations": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.RecordDurations(ctx, b.running)
			return err
		},
		"GroupErrors": func(ctx context.Context, q *dbq.Queries) error { _, err := q.GroupErrors(ctx, b.ended); return err },
		"HasOpenRecords": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.HasOpenRecords(ctx, b.running)
			return err
		},
		"FinishableSessions": func(ctx context.Context, q *dbq.Queries) error { _, err := q.FinishableSessions(ctx); return err },
		"EndSession": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.EndSession(ctx, dbq.EndSessionParams{SessionID: b.running, Status: failed, Result: &failed, ErrorGroups: []byte("[]")})
			return err
		},
		"CancelWaitingRecords": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.CancelWaitingRecords(ctx, dbq.CancelWaitingRecordsParams{SessionID: b.running, Status: "pending", RowLimit: cancelBatch})
			return err
		},
		"OverdueBells": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.OverdueBells(ctx, dbq.OverdueBellsParams{Age: 10 * time.Second, RowLimit: 5000})
			return err
		},
		"HearBells": func(ctx context.Context, q *dbq.Queries) error { return q.HearBells(ctx, queued) },
		"MissBells": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.MissBells(ctx, dbq.MissBellsParams{Ids: queued, Gens: gens})
			return err
		},
		"RingAllAgain": func(ctx context.Context, q *dbq.Queries) error { _, err := q.RingAllAgain(ctx); return err },
		"TakeBackLost": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.TakeBackLost(ctx, dbq.TakeBackLostParams{MaxLost: 3, Message: "%s"})
			return err
		},
		"StuckRecords":  func(ctx context.Context, q *dbq.Queries) error { _, err := q.StuckRecords(ctx); return err },
		"RecordsToStop": func(ctx context.Context, q *dbq.Queries) error { _, err := q.RecordsToStop(ctx, &b.worker); return err },
		"FailOverdue": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.FailOverdue(ctx, dbq.FailOverdueParams{RowLimit: batch})
			return err
		},
		"FailDeadHosts": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.FailDeadHosts(ctx, dbq.FailDeadHostsParams{MaxSilent: 3, Connect: time.Second, RowLimit: batch, Message: "%s %s"})
			return err
		},
		"FailRejectedCredentials": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.FailRejectedCredentials(ctx, dbq.FailRejectedCredentialsParams{MaxUnproven: 3, RowLimit: batch, Message: "%s"})
			return err
		},
	})
	return queries
}

func takeDueParams() dbq.TakeDueParams {
	return dbq.TakeDueParams{
		Category: "account", Depth: session.CandidateDepth, Candidates: int64(session.Candidates(200)), Missing: 200,
		HostLimit: 4, MaxUnproven: session.MaxUnproven, HalfWindow: 500,
	}
}

// checkServed looks at the plan of every query, made for its values and for any.
func (b *bigBundle) checkServed(t *testing.T, when string, queries map[string]func(context.Context, *dbq.Queries) error) {
	t.Helper()
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		for name, run := range queries {
			plan := explained(t, b.pool, mode, run)
			t.Logf("%s: %s, %s: %s", when, name, mode, strings.Join(plan.scans(), ", "))
			// What counts all that is due may read the index of all that is pending.
			faults := slices.DeleteFunc(plan.unserved(), func(f string) bool {
				return name == "CountDueRecords" && strings.HasSuffix(f, " records_due")
			})
			if len(faults) > 0 {
				t.Errorf("%s: %s, %s: %v", when, name, mode, faults)
			}
		}
	}
}

func TestEveryHotQueryIsServedByAnIndex(t *testing.T) {
	t.Parallel()
	b := newBig(t)
	queries := b.hotQueries(t)
	b.checkServed(t, "fresh sessions", queries)
	b.sql(t, `VACUUM ANALYZE`)
	b.checkServed(t, "known sessions", queries)
	timed := slices.Collect(maps.Keys(b.listQueries(t)))
	for _, name := range append(timed,
		"TakeDue", "QueueLoads", "CountRecords", "CountOpenRecords", "CountDueRecords", "RecordDurations", "GroupErrors",
		"FinishableSessions", "FailDeadHosts", "FailRejectedCredentials", "CancelWaitingRecords", "TakeBackLost",
		"NewestSessions", "TallySessions",
	) {
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			t.Logf("%s, %s: %s", name, mode, b.timed(t, mode, queries[name]))
		}
	}
}

// explained returns the plan of a query. A parameter's value is known to it in
// a custom plan and unknown in a generic one. settings are statements that come
// before it.
func explained(t *testing.T, pool *pgxpool.Pool, mode string, run func(context.Context, *dbq.Queries) error, settings ...string) planNode {
	t.Helper()
	e := &explainer{}
	err := inMode(t.Context(), pool, mode, func(tx pgx.Tx) error {
		e.tx = tx
		if _, err := tx.Exec(t.Context(), strings.Join(settings, ";")); err != nil {
			return err
		}
		return run(t.Context(), dbq.New(e))
	})
	if err != nil && err != pgx.ErrNoRows { //nolint:errorlint // the explainer's own
		t.Fatal(err)
	}
	return e.plan
}

// timed runs a query, undoes it, and returns the shorter of two times.
func (b *bigBundle) timed(t *testing.T, mode string, run func(context.Context, *dbq.Queries) error) time.Duration {
	t.Helper()
	best := time.Hour
	for range 2 {
		err := inMode(t.Context(), b.pool, mode, func(tx pgx.Tx) error {
			began := time.Now()
			err := run(t.Context(), dbq.New(tx))
			best = min(best, time.Since(began))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return best.Round(100 * time.Microsecond)
}

// inMode calls do in a transaction with the plan_cache_mode, and without JIT as
// in our processes, and rolls it back.
func inMode(ctx context.Context, pool *pgxpool.Pool, mode string, do func(pgx.Tx) error) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "SET LOCAL jit = off; SET LOCAL plan_cache_mode = "+mode); err != nil {
		return err
	}
	return do(tx)
}
