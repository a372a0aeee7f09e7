package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/session"
)

// historyDays is how far back the ended sessions go.
const historyDays = 400

// Who loads a history does it on this many connections: one per core is enough.
const loaders = 2

// addHistory adds ended sessions of each so many records, over the first
// instances there are. Every fourth session has failures, 5 % of all records.
//
// Ten million records are not made one by one: the table is filled without
// indexes, triggers and WAL, and indexed afterwards. It stays without WAL; what
// is read from it is read as ever.
func (s *stage) addHistory(ctx context.Context, sessions, each int) error {
	if err := s.exec(ctx, addSessions, sessions, each, historyDays); err != nil {
		return err
	}
	indexes, err := s.dropIndexes(ctx)
	if err != nil {
		return err
	}
	if err := s.addRecords(ctx, sessions, each); err != nil {
		return err
	}
	return s.makeIndexes(ctx, indexes)
}

// addSessions makes the sessions by their number g; the newest is an hour old.
// The frozen counts are those of addRecords.
const addSessions = `
	INSERT INTO sync_sessions (session_id, sync_type, sync_category, status, result, selector, created_by, started_at,
	       deadline_at, completed_at, created_at, updated_at, total_instances, successful_instances, failed_instances,
	       items_synced, items_updated, duration_p50_ms, duration_p95_ms, duration_max_ms)
	SELECT gen_random_uuid(), CASE WHEN g % 5 = 0 THEN 'manual_batch' ELSE 'scheduled' END,
	       (ARRAY['account', 'capacity', 'config', 'aggregation'])[g % 3 + 1],
	       CASE WHEN g % 4 = 0 THEN 'failed' ELSE 'completed' END, CASE WHEN g % 4 = 0 THEN 'partial' ELSE 'succeeded' END,
	       '{"tags": ["all"]}', CASE WHEN g % 5 = 0 THEN 0 END, at, at + interval '6 hours',
	       at + (600 + g % 1200) * interval '1 second', at, at + (600 + g % 1200) * interval '1 second',
	       n, n - bad, bad, 50 * (n - bad), (n - bad) / 100, 2500, 4800, 5050
	FROM generate_series(1, $1::integer) g
	CROSS JOIN LATERAL (SELECT now() - interval '1 hour' - ($1 - g) * $3::integer / $1::float8 * interval '1 day' AS at,
	       $2::integer AS n, CASE WHEN g % 4 = 0 THEN $2 / 5 ELSE 0 END AS bad) x`

// addRecords makes the records of sessions that leave a rest, when their number
// is divided, of each of the loaders.
const addRecords = `
	INSERT INTO sync_instance_records (session_id, instance_id, instance_name, sync_category, status, host_key,
	       credential_id, credential_version, gen, attempt, failures, due_at, queued_at, contact, started_at,
	       completed_at, duration_ms, items_synced, items_updated, error_code, error_phase, error_message,
	       error_fingerprint, sync_details, created_at)
	SELECT s.session_id, i.id, i.name, s.sync_category, CASE WHEN bad THEN 'failed' ELSE 'completed' END, i.host_key,
	       i.credential_id, 1, 1, 1, bad::integer, s.started_at, s.started_at, CASE WHEN bad THEN 'unreachable' ELSE 'alive' END,
	       ended - took * interval '1 ms', ended, took, CASE WHEN bad THEN 0 ELSE 50 END, (NOT bad AND i.id % 100 = 0)::integer,
	       CASE WHEN bad THEN $3 END, CASE WHEN bad THEN $4 END, CASE WHEN bad THEN $5 END,
	       CASE WHEN bad THEN $6 ELSE '' END, '{}', s.started_at
	FROM sync_sessions s
	CROSS JOIN instances i
	CROSS JOIN LATERAL (SELECT s.failed_instances > 0 AND i.id % 5 = 0 AS bad, 50 + (i.id * 7919 + s.id * 104729) % 5000 AS took,
	       s.started_at + (s.completed_at - s.started_at) * ((i.id * 31 % s.total_instances + 1) / s.total_instances::float8) AS ended) x
	WHERE s.id % $1::integer = $2::integer AND i.id <= s.total_instances`

func (s *stage) addRecords(ctx context.Context, sessions, each int) error {
	const message = "dial tcp 10.20.30.40:5432: i/o timeout"
	group, ctx := errgroup.WithContext(ctx)
	for rest := range loaders {
		group.Go(func() error {
			return s.apart(ctx, func(conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, addRecords, loaders, rest, session.CodeConnectTimeout, session.PhaseConnect,
					message, session.FingerprintOf(session.CodeConnectTimeout, session.PhaseConnect, message))
				return err
			})
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("add %d records: %w", sessions*each, err)
	}
	return nil
}

// index is how an index is made, and the constraint that it stands for; "" when
// it is only an index.
type index struct{ name, definition, constraint string }

// dropIndexes leaves the table of records bare and returns what it had.
func (s *stage) dropIndexes(ctx context.Context) ([]index, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT i.indexname, i.indexdef, COALESCE(CASE c.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' END, '')
		FROM pg_indexes i LEFT JOIN pg_constraint c ON c.conname = i.indexname AND c.conrelid = 'sync_instance_records'::regclass
		WHERE i.tablename = 'sync_instance_records' ORDER BY i.indexname`)
	if err != nil {
		return nil, fmt.Errorf("read indexes: %w", err)
	}
	indexes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i index, err error) {
		return i, row.Scan(&i.name, &i.definition, &i.constraint)
	})
	if err != nil {
		return nil, fmt.Errorf("read indexes: %w", err)
	}
	for _, i := range indexes {
		drop := "DROP INDEX " + i.name
		if i.constraint != "" {
			drop = "ALTER TABLE sync_instance_records DROP CONSTRAINT " + i.name
		}
		if err := s.exec(ctx, drop); err != nil {
			return nil, err
		}
	}
	return indexes, s.exec(ctx, "ALTER TABLE sync_instance_records SET UNLOGGED")
}

// makeIndexes brings the indexes back, and leaves the table as vacuum does.
func (s *stage) makeIndexes(ctx context.Context, indexes []index) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(loaders)
	for _, i := range indexes {
		group.Go(func() error {
			return s.apart(within, func(conn *pgx.Conn) error {
				if _, err := conn.Exec(within, i.definition); err != nil {
					return fmt.Errorf("make index %s: %w", i.name, err)
				}
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, i := range indexes {
		if i.constraint == "" {
			continue
		}
		err := s.exec(ctx, fmt.Sprintf("ALTER TABLE sync_instance_records ADD CONSTRAINT %s %s USING INDEX %[1]s", i.name, i.constraint))
		if err != nil {
			return err
		}
	}
	return s.exec(ctx, "VACUUM (ANALYZE) sync_sessions, sync_instance_records")
}

// apart does something on a connection that fires no triggers and has room for
// building indexes.
func (s *stage) apart(ctx context.Context, do func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, s.b.servers.own.URL(s.database))
	if err != nil {
		return fmt.Errorf("connect to a private server: %w", err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // nothing is left unwritten
	_, err = c.Exec(ctx, "SET session_replication_role = replica; SET maintenance_work_mem = '512MB'; SET max_parallel_maintenance_workers = 0")
	if err != nil {
		return fmt.Errorf("prepare a connection: %w", err)
	}
	return do(c)
}
