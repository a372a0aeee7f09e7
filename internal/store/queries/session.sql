-- name: InsertSession :one
INSERT INTO sync_sessions (session_id, sync_type, sync_category, parent_id, selector, max_attempts,
    created_by, idempotency_key, request_hash, schedule_id, deadline_at)
VALUES (@session_id, @sync_type, @sync_category, sqlc.narg(parent_id), @selector, @max_attempts,
    sqlc.narg(created_by), sqlc.narg(idempotency_key), sqlc.narg(request_hash), sqlc.narg(schedule_id), now() + @deadline::interval)
ON CONFLICT (created_by, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
RETURNING id;

-- name: SessionOfKey :one
SELECT session_id, request_hash FROM sync_sessions
WHERE created_by = @created_by AND idempotency_key = @idempotency_key;

-- name: UnselectableInstances :many
SELECT wanted.id::bigint AS id, COALESCE(i.active AND i.deleted_at IS NULL, false)::boolean AS active,
    (i.id IS NOT NULL AND i.deleted_at IS NULL)::boolean AS exists
FROM unnest(@ids::bigint[]) AS wanted (id)
LEFT JOIN instances i ON i.id = wanted.id
WHERE i.id IS NULL OR i.deleted_at IS NOT NULL OR NOT i.active
ORDER BY wanted.id
LIMIT 10;

-- name: InsertRecords :one
WITH added AS (
    INSERT INTO sync_instance_records (session_id, instance_id, instance_name, sync_category, host_key,
        credential_id, lane, status, completed_at)
    SELECT @session_id, i.id, i.name, @sync_category, i.host_key, i.credential_id,
        CASE i.contact WHEN 'unreachable' THEN 1 ELSE 0 END,
        CASE WHEN i.engine = ANY (@served::text[]) THEN 'pending' ELSE 'skipped' END,
        CASE WHEN i.engine = ANY (@served::text[]) THEN NULL ELSE now() END
    FROM instances i
    WHERE i.deleted_at IS NULL AND i.active
      AND (cardinality(@ids::bigint[]) = 0 OR i.id = ANY (@ids::bigint[]))
      AND (cardinality(@engines::text[]) = 0 OR i.engine = ANY (@engines::text[]))
      AND (cardinality(@tags::text[]) = 0 OR EXISTS (
          SELECT 1 FROM instance_tags t WHERE t.instance_id = i.id AND t.tag = ANY (@tags::text[])))
    RETURNING status
)
SELECT count(*)::integer AS total, (count(*) FILTER (WHERE status = 'pending'))::integer AS pending FROM added;

-- name: InsertRetryRecords :one
WITH added AS (
    INSERT INTO sync_instance_records (session_id, instance_id, instance_name, sync_category, host_key,
        credential_id, lane, status, completed_at)
    SELECT @session_id, i.id, i.name, r.sync_category, i.host_key, i.credential_id,
        CASE i.contact WHEN 'unreachable' THEN 1 ELSE 0 END,
        CASE WHEN i.engine = ANY (@served::text[]) THEN 'pending' ELSE 'skipped' END,
        CASE WHEN i.engine = ANY (@served::text[]) THEN NULL ELSE now() END
    FROM sync_instance_records r
    JOIN instances i ON i.id = r.instance_id
    WHERE r.session_id = @parent_id AND r.status = ANY (@statuses::text[])
      AND (@error_code::text = '' OR r.error_code = @error_code::text)
      AND (@error_fingerprint::text = '' OR r.error_fingerprint = @error_fingerprint::text)
      AND i.deleted_at IS NULL AND i.active
    RETURNING status
)
SELECT count(*)::integer AS total, (count(*) FILTER (WHERE status = 'pending'))::integer AS pending FROM added;

-- name: SetSessionTotal :exec
UPDATE sync_sessions SET total_instances = @total WHERE session_id = @session_id;

-- name: SessionRow :one
SELECT * FROM sync_sessions WHERE session_id = @session_id;

-- name: LockSession :one
SELECT status FROM sync_sessions WHERE session_id = @session_id FOR NO KEY UPDATE;

-- name: CountRecords :many
-- One row for each session, also for one without records.
SELECT wanted.session_id::uuid AS session_id, live.*
FROM unnest(@session_ids::uuid[]) AS wanted (session_id)
CROSS JOIN LATERAL (
    SELECT (count(*) FILTER (WHERE r.status = 'pending'))::integer   AS pending,
           (count(*) FILTER (WHERE r.status = 'queued'))::integer    AS queued,
           (count(*) FILTER (WHERE r.status = 'running'))::integer   AS running,
           (count(*) FILTER (WHERE r.status = 'completed'))::integer AS completed,
           (count(*) FILTER (WHERE r.status = 'failed'))::integer    AS failed,
           (count(*) FILTER (WHERE r.status = 'cancelled'))::integer AS cancelled,
           (count(*) FILTER (WHERE r.status = 'skipped'))::integer   AS skipped,
           (count(*) FILTER (WHERE r.status = 'completed' AND r.partial))::integer AS partial,
           COALESCE(sum(r.items_synced), 0)::bigint  AS items_synced,
           COALESCE(sum(r.items_created), 0)::bigint AS items_created,
           COALESCE(sum(r.items_updated), 0)::bigint AS items_updated,
           COALESCE(sum(r.items_deleted), 0)::bigint AS items_deleted,
           (count(*) FILTER (WHERE r.completed_at > now() - @recent::interval))::integer AS recent,
           now()::timestamptz AS counted_at
    FROM sync_instance_records r
    WHERE r.session_id = wanted.session_id
) live;

-- name: RecordDurations :one
SELECT COALESCE(percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms), 0)::bigint  AS p50,
       COALESCE(percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms), 0)::bigint AS p95,
       COALESCE(max(duration_ms), 0)::bigint                                          AS longest,
       count(duration_ms)::integer                                       AS measured
FROM sync_instance_records
WHERE session_id = @session_id;

-- name: GroupErrors :many
-- Counted first, and then the first record of each group is read: the messages
-- of all failures together are too much for memory.
SELECT k.error_code::text AS code, COALESCE(k.error_phase, '')::text AS phase, k.failures::integer AS failures,
       r.instance_name AS sample, COALESCE(r.error_message, '')::text AS message
FROM (
    SELECT f.error_code, f.error_phase, count(*) AS failures, min(f.id) AS first_id
    FROM sync_instance_records f
    WHERE f.session_id = @session_id AND f.status = 'failed'
    GROUP BY f.error_code, f.error_phase
    ORDER BY count(*) DESC, f.error_code, f.error_phase
    LIMIT 100
) k
JOIN sync_instance_records r ON r.id = k.first_id
ORDER BY k.failures DESC, k.error_code, k.error_phase;

-- name: HasOpenRecords :one
SELECT EXISTS (
    SELECT 1 FROM sync_instance_records
    WHERE session_id = @session_id AND status IN ('pending', 'queued', 'running'));

-- name: EndSession :execrows
UPDATE sync_sessions s
SET status = @status, result = @result, reason = @reason, completed_at = now(), updated_at = now(),
    successful_instances = @completed, failed_instances = @failed, cancelled_instances = @cancelled,
    skipped_instances = @skipped, partial_instances = @partial,
    items_synced = @items_synced, items_created = @items_created, items_updated = @items_updated,
    items_deleted = @items_deleted,
    duration_p50_ms = sqlc.narg(p50), duration_p95_ms = sqlc.narg(p95), duration_max_ms = sqlc.narg(longest),
    error_groups = @error_groups
WHERE s.session_id = @session_id AND s.status IN ('running', 'cancelling')
  AND NOT EXISTS (SELECT 1 FROM sync_instance_records r
                  WHERE r.session_id = s.session_id AND r.status IN ('pending', 'queued', 'running'));

-- name: MarkCancelling :execrows
UPDATE sync_sessions
SET status = 'cancelling', cancel_requested_at = now(), cancelled_by = sqlc.narg(cancelled_by), updated_at = now()
WHERE session_id = @session_id AND status = 'running';

-- name: CancelWaitingRecords :one
-- Closes a batch of those that wait in one status, in the order of their ids.
-- What a claim or a dispatch has locked is waited for and looked at again.
WITH waiting AS MATERIALIZED (
    SELECT w.id FROM sync_instance_records w
    WHERE w.session_id = @session_id AND w.status = @status::text AND w.id > @after::bigint
    ORDER BY w.id LIMIT @row_limit
), closed AS (
    UPDATE sync_instance_records r
    SET status = 'cancelled', completed_at = now()
    WHERE r.id = ANY (ARRAY(SELECT w.id FROM waiting w)) AND r.status IN ('pending', 'queued')
    RETURNING r.id
)
SELECT (SELECT count(*) FROM waiting)::bigint AS found, (SELECT COALESCE(max(id), 0) FROM waiting)::bigint AS last,
       (SELECT count(*) FROM closed)::bigint AS closed;

-- name: NotifyStop :exec
SELECT pg_notify('dbfleet_stop', '');

-- name: LockRecord :one
SELECT * FROM sync_instance_records WHERE id = @id AND session_id = @session_id FOR UPDATE;

-- name: RecordRow :one
SELECT * FROM sync_instance_records WHERE id = @id;

-- name: CancelWaitingRecord :exec
UPDATE sync_instance_records
SET status = 'cancelled', completed_at = now(), cancel_requested_at = now()
WHERE id = @id AND status IN ('pending', 'queued');

-- name: RequestRecordCancel :exec
UPDATE sync_instance_records
SET cancel_requested_at = COALESCE(cancel_requested_at, now())
WHERE id = @id AND status = 'running';
