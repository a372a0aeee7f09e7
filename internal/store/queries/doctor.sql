-- What the doctor looks at beside the invariants. Lists are cut at a hundred.

-- name: OverdueSessions :many
SELECT session_id FROM sync_sessions
WHERE completed_at IS NULL AND deadline_at < now() - @grace::interval
ORDER BY deadline_at LIMIT 100;

-- name: LeaseHeld :one
SELECT EXISTS (SELECT 1 FROM leases WHERE name = @name AND lease_until > now());

-- name: CountActiveSchedules :one
SELECT count(*) FROM schedules WHERE deleted_at IS NULL AND paused_at IS NULL;

-- name: SchedulesPausedByFault :many
-- Pausing and the line of the history are one transaction, with one time.
SELECT s.name FROM schedules s
WHERE s.deleted_at IS NULL AND EXISTS (
    SELECT 1 FROM schedule_fires f
    WHERE f.schedule_id = s.id AND f.outcome = 'failed' AND f.created_at = s.paused_at)
ORDER BY s.name LIMIT 100;

-- name: SchedulesMissed :many
SELECT DISTINCT s.name FROM schedule_fires f JOIN schedules s ON s.id = f.schedule_id
WHERE s.deleted_at IS NULL AND f.outcome IN ('missed', 'failed') AND f.created_at > now() - @since::interval
ORDER BY s.name LIMIT 100;

-- name: CountCredentialKeys :many
SELECT key_id, count(*)::bigint AS credentials FROM credentials GROUP BY key_id ORDER BY key_id;

-- name: CountTLSModes :many
SELECT tls_mode, count(*)::bigint AS instances FROM instances
WHERE active AND deleted_at IS NULL GROUP BY tls_mode ORDER BY tls_mode;

-- name: InstanceAddresses :many
SELECT host, port, min(name)::text AS name, count(*)::bigint AS instances FROM instances
WHERE active AND deleted_at IS NULL GROUP BY host, port ORDER BY host, port;

-- name: CountOpenHolds :one
SELECT count(*) FROM account_holds WHERE status = 'open';
