-- name: RemoveLapsedWorkers :many
DELETE FROM workers WHERE lease_until < now() RETURNING id;

-- name: TakeBackLost :many
WITH lost AS (
    SELECT r.id, s.status = 'cancelling' OR r.cancel_requested_at IS NOT NULL AS cancelled,
        r.lost + 1 >= @max_lost::integer AS poison
    FROM sync_instance_records r
    JOIN sync_sessions s USING (session_id)
    WHERE r.status = 'running' AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = r.worker_id)
    FOR UPDATE OF r SKIP LOCKED
)
UPDATE sync_instance_records r
SET lost = r.lost + 1, worker_id = NULL, deadline_at = NULL, due_at = now(),
    dispatch_key = 1 + EXTRACT(epoch FROM now())::double precision / 1e11,
    status = CASE WHEN lost.cancelled THEN 'cancelled' WHEN lost.poison THEN 'failed' ELSE 'pending' END,
    completed_at = CASE WHEN lost.cancelled OR lost.poison THEN now() END,
    error_code = CASE WHEN lost.poison AND NOT lost.cancelled THEN 'poison' ELSE r.error_code END,
    error_phase = CASE WHEN lost.poison AND NOT lost.cancelled THEN 'dispatch' ELSE r.error_phase END,
    error_message = CASE WHEN lost.poison AND NOT lost.cancelled
        THEN format(@message::text, r.lost + 1) ELSE r.error_message END,
    error_fingerprint = CASE WHEN lost.poison AND NOT lost.cancelled THEN @error_fingerprint::text ELSE r.error_fingerprint END
FROM lost
WHERE r.id = lost.id
RETURNING r.id, r.status, r.session_id;

-- name: StuckRecords :many
SELECT r.id, r.attempt, r.worker_id, r.session_id, r.failures, s.max_attempts
FROM sync_instance_records r
JOIN sync_sessions s USING (session_id)
WHERE r.status = 'running' AND r.deadline_at < now()
  AND EXISTS (SELECT 1 FROM workers w WHERE w.id = r.worker_id AND w.lease_until > now())
ORDER BY r.deadline_at
LIMIT 500;

-- name: LockRunningRecord :execrows
SELECT 1 FROM sync_instance_records r
WHERE r.id = @id::bigint AND r.attempt = @attempt::integer AND r.worker_id = @worker_id::uuid AND r.status = 'running'
FOR UPDATE OF r SKIP LOCKED;

-- name: CancellingSessions :many
SELECT session_id FROM sync_sessions WHERE completed_at IS NULL AND status = 'cancelling';

-- name: FailOverdue :execrows
WITH late AS (
    SELECT r.id FROM sync_sessions s
    JOIN sync_instance_records r ON r.session_id = s.session_id AND r.status IN ('pending', 'queued')
    WHERE s.completed_at IS NULL AND s.status = 'running' AND s.deadline_at < now()
    LIMIT @row_limit
    FOR UPDATE OF r SKIP LOCKED
)
UPDATE sync_instance_records r
SET status = 'failed', completed_at = now(), error_code = 'session_deadline', error_phase = 'dispatch',
    error_message = @message::text, error_fingerprint = @error_fingerprint::text
FROM late
WHERE r.id = late.id AND r.status IN ('pending', 'queued');

-- name: FailDeadHosts :execrows
-- Three instances of a host did not answer at connect and none of it ever did,
-- nor is one being read beyond its connect: its waiting records are given up.
-- The inner SELECTs stay probes of an index: as joins they would read all that
-- ever answered.
WITH dead AS MATERIALIZED (
    SELECT r.session_id, r.host_key
    FROM sync_sessions s
    JOIN sync_instance_records r ON r.session_id = s.session_id AND r.contact = 'unreachable'
    WHERE s.completed_at IS NULL AND s.status = 'running'
    GROUP BY r.session_id, r.host_key
    HAVING count(DISTINCT r.instance_id) >= @max_silent::bigint
), given_up AS MATERIALIZED (
    SELECT d.* FROM dead d
    WHERE NOT (SELECT EXISTS (SELECT 1 FROM sync_instance_records a WHERE a.contact = 'alive'
                              AND a.session_id = d.session_id AND a.host_key = d.host_key))
      AND NOT (SELECT EXISTS (SELECT 1 FROM sync_instance_records b WHERE b.session_id = d.session_id
                              AND b.host_key = d.host_key AND b.status = 'running'
                              AND b.started_at < now() - @connect::interval))
), waiting AS (
    SELECT w.id FROM (SELECT DISTINCT session_id FROM given_up) o
    CROSS JOIN LATERAL (
        SELECT r.id FROM sync_instance_records r
        WHERE r.session_id = o.session_id AND r.status IN ('pending', 'queued')
          AND r.host_key IN (SELECT g.host_key FROM given_up g WHERE g.session_id = o.session_id)
        LIMIT @row_limit
        FOR UPDATE OF r SKIP LOCKED) w
)
UPDATE sync_instance_records r
SET status = 'failed', completed_at = now(), error_code = 'host_down', error_phase = 'dispatch',
    error_message = format(@message::text, @max_silent::bigint, r.host_key), error_fingerprint = @error_fingerprint::text
FROM waiting
WHERE r.id = waiting.id AND r.status IN ('pending', 'queued');

-- name: FailRejectedCredentials :execrows
WITH rejected AS (
    SELECT r.session_id, r.credential_id
    FROM sync_sessions s
    JOIN sync_instance_records r ON r.session_id = s.session_id AND r.error_code = 'auth_failed'
    JOIN credentials c ON c.id = r.credential_id AND c.version = r.credential_version
    WHERE s.completed_at IS NULL AND s.status = 'running'
      AND NOT EXISTS (SELECT 1 FROM session_logins l WHERE l.session_id = r.session_id
                      AND l.credential_id = r.credential_id AND l.credential_version = c.version)
    GROUP BY r.session_id, r.credential_id
    HAVING count(*) >= @max_unproven::bigint
), waiting AS (
    SELECT w.id FROM (SELECT DISTINCT session_id FROM rejected) o
    CROSS JOIN LATERAL (
        SELECT r.id FROM sync_instance_records r
        WHERE r.session_id = o.session_id AND r.status IN ('pending', 'queued')
          AND r.credential_id IN (SELECT x.credential_id FROM rejected x WHERE x.session_id = o.session_id)
        LIMIT @row_limit
        FOR UPDATE OF r SKIP LOCKED) w
)
UPDATE sync_instance_records r
SET status = 'failed', completed_at = now(), error_code = 'credential_rejected', error_phase = 'dispatch',
    error_message = format(@message::text, @max_unproven::bigint), error_fingerprint = @error_fingerprint::text
FROM waiting
WHERE r.id = waiting.id AND r.status IN ('pending', 'queued');

-- name: FinishableSessions :many
SELECT s.session_id FROM sync_sessions s
WHERE s.completed_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM sync_instance_records r
                  WHERE r.session_id = s.session_id AND r.status IN ('pending', 'queued', 'running'));

-- name: KeepMonths :exec
SELECT ensure_month('audit_events', now() + m * interval '1 month') FROM generate_series(0, @ahead::integer) AS m;
