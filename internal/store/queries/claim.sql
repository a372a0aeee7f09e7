-- name: ClaimRecord :one
-- The limits of hosts and credentials were counted by what the record says: it
-- must still be so.
UPDATE sync_instance_records r
SET status = 'running', attempt = r.attempt + 1, worker_id = @worker_id::uuid, started_at = now(), bell_missed = 0,
    credential_version = c.version,
    deadline_at = LEAST(now() + @time_limit::interval, s.deadline_at) + interval '10 seconds'
FROM sync_sessions s, instances i, credentials c
WHERE r.id = @id::bigint AND r.gen = @gen AND r.status = 'queued'
  AND s.session_id = r.session_id AND s.status = 'running' AND s.deadline_at > now()
  AND i.id = r.instance_id AND i.deleted_at IS NULL AND i.active
  AND c.id = i.credential_id AND r.credential_id = i.credential_id AND r.host_key = i.host_key
  AND EXISTS (SELECT 1 FROM workers w WHERE w.id = @worker_id::uuid)
RETURNING r.session_id, r.attempt, r.failures, r.sync_category,
    EXTRACT(epoch FROM LEAST(now() + @time_limit::interval, s.deadline_at) - now())::double precision AS limit_s,
    s.max_attempts,
    i.id AS instance_id, i.name, i.engine, i.host, i.port, i.database, i.tls_mode, i.tls_ca, i.tls_server_name,
    c.id AS credential_id, c.version, c.username, c.sealed,
    EXISTS (SELECT 1 FROM session_logins l WHERE l.session_id = r.session_id AND l.credential_id = c.id
            AND l.credential_version = c.version) AS proven;

-- name: SkipQueuedRecord :execrows
UPDATE sync_instance_records r
SET status = 'skipped', completed_at = now()
FROM instances i
WHERE r.id = @id::bigint AND r.gen = @gen AND r.status = 'queued'
  AND i.id = r.instance_id AND (i.deleted_at IS NOT NULL OR NOT i.active);

-- name: RedirectQueuedRecord :execrows
-- The instance has moved since the record was queued.
UPDATE sync_instance_records r
SET status = CASE WHEN s.status = 'cancelling' OR r.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'pending' END,
    completed_at = CASE WHEN s.status = 'cancelling' OR r.cancel_requested_at IS NOT NULL THEN now() END,
    credential_id = i.credential_id, host_key = i.host_key,
    lane = CASE WHEN r.host_key = i.host_key THEN r.lane ELSE 0 END,
    contact = CASE WHEN r.host_key = i.host_key THEN r.contact ELSE 'unknown' END,
    due_at = now(), dispatch_key = 1 + EXTRACT(epoch FROM now())::double precision / 1e11
FROM sync_sessions s, instances i
WHERE r.id = @id::bigint AND r.gen = @gen AND r.status = 'queued' AND s.session_id = r.session_id
  AND i.id = r.instance_id AND i.credential_id IS NOT NULL
  AND (r.credential_id, r.host_key) IS DISTINCT FROM (i.credential_id, i.host_key);

-- name: PostponeRecord :execrows
UPDATE sync_instance_records r
SET status = CASE WHEN s.status = 'cancelling' OR r.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'pending' END,
    completed_at = CASE WHEN s.status = 'cancelling' OR r.cancel_requested_at IS NOT NULL THEN now() END,
    due_at = now() + interval '5 seconds',
    dispatch_key = 1 + EXTRACT(epoch FROM now() + interval '5 seconds')::double precision / 1e11
FROM sync_sessions s
WHERE r.id = @id::bigint AND r.gen = @gen AND r.status = 'queued' AND s.session_id = r.session_id;

-- name: ProveLogin :exec
INSERT INTO session_logins (session_id, credential_id, credential_version)
VALUES (@session_id, @credential_id, @credential_version)
ON CONFLICT DO NOTHING;

-- name: HoldsClaim :one
SELECT r.instance_id
FROM sync_instance_records r
WHERE r.id = @id::bigint AND r.attempt = @attempt::integer AND r.worker_id = @worker_id::uuid AND r.status = 'running'
FOR UPDATE OF r;

-- name: CompleteRecord :execrows
WITH settled AS (
    UPDATE sync_instance_records r
    SET status = 'completed', completed_at = clock_timestamp(), worker_id = NULL, deadline_at = NULL,
        duration_ms = EXTRACT(epoch FROM clock_timestamp() - r.started_at) * 1000,
        items_synced = @items_synced::integer, items_created = @items_created::integer, items_updated = @items_updated::integer,
        items_deleted = @items_deleted::integer, partial = @partial::boolean, contact = 'alive',
        error_code = NULL, error_phase = NULL, error_message = NULL, error_fingerprint = '', sync_details = @sync_details::jsonb
    WHERE r.id = @id::bigint AND r.attempt = @attempt::integer AND r.worker_id = @worker_id::uuid AND r.status = 'running'
    RETURNING r.id, r.instance_id, r.session_id, r.sync_category, r.partial, r.completed_at
), met AS (
    UPDATE instances i
    SET contact = 'alive',
        flavour = CASE WHEN @other_server::boolean THEN i.flavour ELSE @flavour::text END,
        version = CASE WHEN @other_server::boolean THEN i.version ELSE @version::text END,
        identity = CASE WHEN @keep_identity::boolean THEN i.identity ELSE @identity::text END
    FROM settled
    WHERE i.id = settled.instance_id
      AND (i.contact <> 'alive'
        OR NOT @other_server::boolean AND (i.flavour, i.version) IS DISTINCT FROM (@flavour::text, @version::text)
        OR NOT @keep_identity::boolean AND i.identity <> @identity::text)
), synced AS (
    INSERT INTO last_syncs (instance_id, sync_category, record_id, session_id, synced_at, partial)
    SELECT d.instance_id, d.sync_category, d.id, d.session_id, d.completed_at, d.partial
    FROM settled d WHERE NOT @other_server::boolean
    ON CONFLICT (instance_id, sync_category) DO UPDATE
    SET record_id = excluded.record_id, session_id = excluded.session_id, synced_at = excluded.synced_at,
        partial = excluded.partial
)
SELECT id FROM settled;

-- name: CloseRecord :execrows
WITH settled AS (
    UPDATE sync_instance_records r
    SET status = @status::text, completed_at = clock_timestamp(), worker_id = NULL, deadline_at = NULL,
        duration_ms = EXTRACT(epoch FROM clock_timestamp() - r.started_at) * 1000,
        failures = r.failures + @failed::integer,
        contact = CASE @contact::text WHEN 'unknown' THEN r.contact ELSE @contact::text END,
        error_code = sqlc.narg(error_code)::text, error_phase = sqlc.narg(error_phase)::text,
        error_message = sqlc.narg(error_message)::text, error_fingerprint = @error_fingerprint::text,
        sync_details = @sync_details::jsonb
    WHERE r.id = @id::bigint AND r.attempt = @attempt::integer AND r.worker_id = @worker_id::uuid AND r.status = 'running'
    RETURNING r.instance_id
), met AS (
    UPDATE instances i SET contact = @contact::text FROM settled
    WHERE i.id = settled.instance_id AND @contact::text <> 'unknown' AND i.contact <> @contact::text
)
SELECT instance_id FROM settled;

-- name: ReturnRecord :execrows
WITH settled AS (
    UPDATE sync_instance_records r
    SET status = CASE WHEN s.status = 'cancelling' OR r.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'pending' END,
        completed_at = CASE WHEN s.status = 'cancelling' OR r.cancel_requested_at IS NOT NULL THEN clock_timestamp() END,
        worker_id = NULL, deadline_at = NULL,
        duration_ms = EXTRACT(epoch FROM clock_timestamp() - r.started_at) * 1000,
        failures = r.failures + @failed::integer,
        lane = CASE @contact::text WHEN 'unreachable' THEN 1 ELSE r.lane END,
        due_at = now() + @delay::interval,
        dispatch_key = 1 + EXTRACT(epoch FROM now() + @delay::interval)::double precision / 1e11,
        contact = CASE @contact::text WHEN 'unknown' THEN r.contact ELSE @contact::text END,
        error_code = COALESCE(sqlc.narg(error_code)::text, r.error_code),
        error_phase = COALESCE(sqlc.narg(error_phase)::text, r.error_phase),
        error_message = COALESCE(sqlc.narg(error_message)::text, r.error_message),
        error_fingerprint = COALESCE(NULLIF(@error_fingerprint::text, ''), r.error_fingerprint)
    FROM sync_sessions s
    WHERE r.id = @id::bigint AND r.attempt = @attempt::integer AND r.worker_id = @worker_id::uuid AND r.status = 'running'
      AND s.session_id = r.session_id
    RETURNING r.instance_id
), met AS (
    UPDATE instances i SET contact = @contact::text FROM settled
    WHERE i.id = settled.instance_id AND @contact::text <> 'unknown' AND i.contact <> @contact::text
)
SELECT instance_id FROM settled;
