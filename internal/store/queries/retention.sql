-- name: OldSession :one
-- The oldest one in the order of an index; whoever has it locked deletes it.
SELECT session_id, total_instances FROM sync_sessions
WHERE started_at < now() - make_interval(days => @days::integer) AND completed_at < now() - make_interval(days => @days::integer)
ORDER BY started_at, id
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: DeleteFireOfSession :exec
DELETE FROM schedule_fires WHERE session_id = @session_id::uuid;

-- name: DeleteSession :exec
DELETE FROM sync_sessions WHERE session_id = @session_id;

-- name: DeleteOldFires :execrows
-- The line that says why a schedule is paused stays as long as it is.
DELETE FROM schedule_fires WHERE id IN (
    SELECT f.id FROM schedule_fires f
    WHERE f.session_id IS NULL AND f.outcome <> 'queued' AND f.created_at < now() - make_interval(days => @days::integer)
      AND NOT EXISTS (SELECT 1 FROM schedules s
                      WHERE s.id = f.schedule_id AND s.deleted_at IS NULL AND s.paused_at = f.created_at)
    ORDER BY f.created_at
    LIMIT @row_limit
    FOR UPDATE OF f SKIP LOCKED);

-- name: DropAuditMonth :one
SELECT drop_old_month('audit_events', @keep::integer)::text AS dropped;
