-- name: NewestHold :one
SELECT id, reason, status, fingerprint, times_seen, known_count, missing_count, last_seen_at, applied_at, lapsed_at
FROM account_holds WHERE instance_id = @instance_id ORDER BY id DESC LIMIT 1;

-- name: OpenHold :one
INSERT INTO account_holds (instance_id, reason, fingerprint, times_seen, known_count, missing_count, missing,
    old_identity, new_identity, record_id, session_id, last_seen_at)
VALUES (@instance_id, @reason, @fingerprint, @times_seen, @known_count, @missing_count, @missing,
    @old_identity, @new_identity, @record_id, @session_id,
    COALESCE(sqlc.narg('last_seen_at'), (SELECT synced_at FROM last_syncs l WHERE l.instance_id = @instance_id AND l.sync_category = 'account')))
RETURNING id;

-- name: CountHold :exec
UPDATE account_holds SET times_seen = times_seen + 1, seen_at = now() WHERE id = @id AND status = 'open';

-- name: LapseHold :exec
UPDATE account_holds
SET status = CASE status WHEN 'open' THEN 'superseded' ELSE status END,
    decided_at = COALESCE(decided_at, now()), lapsed_at = now()
WHERE id = @id;

-- name: ApplyHold :exec
-- An open one confirms itself: nobody is in decided_by.
UPDATE account_holds
SET status = 'confirmed', decided_at = COALESCE(decided_at, now()), applied_at = now(),
    times_seen = times_seen + @seen::integer, seen_at = now()
WHERE id = @id AND status IN ('open', 'confirmed');

-- name: HoldInstance :one
SELECT instance_id FROM account_holds WHERE id = @id;

-- name: DecideHold :execrows
UPDATE account_holds
SET status = @status, decided_at = now(), decided_by = @decided_by,
    applied_at = CASE WHEN @applied::boolean THEN now() END
WHERE id = @id AND status = 'open';

-- name: GetHold :one
SELECT h.id, h.instance_id, i.name AS instance_name, h.reason, h.status, h.fingerprint, h.times_seen, h.known_count, h.missing_count,
    h.missing, h.old_identity, h.new_identity, h.record_id, h.session_id, h.last_seen_at, h.created_at, h.seen_at,
    h.decided_at, h.decided_by, h.applied_at, h.lapsed_at
FROM account_holds h
JOIN instances i ON i.id = h.instance_id
WHERE h.id = @id;

-- name: ListHolds :many
SELECT h.id, h.instance_id, i.name AS instance_name, h.reason, h.status, h.fingerprint, h.times_seen, h.known_count, h.missing_count,
    h.old_identity, h.new_identity, h.record_id, h.session_id, h.last_seen_at, h.created_at, h.seen_at,
    h.decided_at, h.decided_by, h.applied_at, h.lapsed_at
FROM account_holds h
JOIN instances i ON i.id = h.instance_id
WHERE (sqlc.narg('before_id')::bigint IS NULL OR h.id < sqlc.narg('before_id'))
  AND (sqlc.narg('instance_id')::bigint IS NULL OR h.instance_id = sqlc.narg('instance_id'))
  AND (sqlc.narg('status')::text IS NULL OR h.status = sqlc.narg('status'))
ORDER BY h.id DESC
LIMIT @max_rows;
