-- name: EnsureAuditMonth :exec
SELECT ensure_month('audit_events', now());

-- name: InsertAuditEvent :exec
INSERT INTO audit_events (user_id, user_name, action, object_type, object_id, outcome, detail, request_id, remote_addr)
VALUES (@user_id, @user_name, @action, @object_type, @object_id, @outcome, @detail, @request_id, @remote_addr);

-- name: ListAuditEvents :many
-- The bounds of time are for the planner, too: it leaves out the months that
-- they do not touch.
SELECT id, at, user_id, user_name, action, object_type, object_id, outcome, detail, request_id, remote_addr
FROM audit_events
WHERE (sqlc.narg(user_id)::bigint IS NULL OR user_id = sqlc.narg(user_id))
  AND (sqlc.narg(action)::text IS NULL OR action = sqlc.narg(action))
  AND (sqlc.narg(object_type)::text IS NULL OR object_type = sqlc.narg(object_type))
  AND (sqlc.narg(object_id)::text IS NULL OR object_id = sqlc.narg(object_id))
  AND (sqlc.narg(outcome)::text IS NULL OR outcome = sqlc.narg(outcome))
  AND at >= COALESCE(sqlc.narg(since)::timestamptz, '-infinity')
  AND at < COALESCE(sqlc.narg(until)::timestamptz, 'infinity')
  AND at <= COALESCE(sqlc.narg(before_at)::timestamptz, 'infinity')
  AND (at, id) < (COALESCE(sqlc.narg(before_at)::timestamptz, 'infinity'), @before_id::bigint)
ORDER BY at DESC, id DESC
LIMIT @row_limit;
