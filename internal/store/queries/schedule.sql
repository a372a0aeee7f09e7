-- name: InsertSchedule :one
INSERT INTO schedules (name, cron, time_zone, sync_category, selector, overlap, catch_up, max_attempts, paused_at, next_fire_at, created_by)
VALUES (@name, @cron, @time_zone, @sync_category, @selector, @overlap, @catch_up, sqlc.narg(max_attempts),
    CASE WHEN @paused::boolean THEN now() END, sqlc.narg(next_fire_at), @created_by)
RETURNING id;

-- name: GetSchedule :one
SELECT * FROM schedules WHERE id = @id AND deleted_at IS NULL;

-- name: LockSchedule :one
SELECT * FROM schedules WHERE id = @id AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: ListSchedules :many
SELECT * FROM schedules
WHERE deleted_at IS NULL AND id > @after
  AND (@name::text = '' OR position(lower(@name::text) IN lower(name)) > 0)
  AND (@exact_name::text = '' OR name = @exact_name::text)
ORDER BY id
LIMIT @row_limit;

-- name: UpdateSchedule :exec
UPDATE schedules
SET name = @name, cron = @cron, time_zone = @time_zone, sync_category = @sync_category, selector = @selector, overlap = @overlap,
    catch_up = @catch_up, max_attempts = sqlc.narg(max_attempts), next_fire_at = sqlc.narg(next_fire_at), updated_at = now()
WHERE id = @id;

-- name: PauseSchedule :exec
UPDATE schedules SET paused_at = now(), next_fire_at = NULL, updated_at = now() WHERE id = @id;

-- name: ResumeSchedule :exec
UPDATE schedules SET paused_at = NULL, next_fire_at = @next_fire_at::timestamptz, updated_at = now() WHERE id = @id;

-- name: RemoveSchedule :exec
UPDATE schedules SET deleted_at = now(), next_fire_at = NULL, updated_at = now() WHERE id = @id;

-- name: SetNextFire :exec
UPDATE schedules SET next_fire_at = @next_fire_at::timestamptz WHERE id = @id;

-- name: MissingInstances :many
SELECT wanted.id::bigint AS id
FROM unnest(@ids::bigint[]) AS wanted (id)
LEFT JOIN instances i ON i.id = wanted.id AND i.deleted_at IS NULL
WHERE i.id IS NULL
ORDER BY wanted.id
LIMIT 10;

-- name: TransactionTime :one
SELECT now()::timestamptz AS now;

-- name: LockDueSchedule :one
-- Locked rows are somebody else's: whoever comes after them finds the next time
-- already written.
SELECT * FROM schedules
WHERE next_fire_at <= now() AND id <> ALL (@passed::bigint[])
ORDER BY next_fire_at, id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED;

-- name: LockWaitingSchedule :one
-- A schedule whose queued fire has nothing to wait for any more. Both are looked
-- at again once the row is locked.
SELECT * FROM schedules s
WHERE s.id <> ALL (@passed::bigint[])
  AND EXISTS (SELECT 1 FROM schedule_fires f WHERE f.schedule_id = s.id AND f.outcome = 'queued')
  AND NOT EXISTS (SELECT 1 FROM sync_sessions t WHERE t.schedule_id = s.id AND t.completed_at IS NULL)
ORDER BY s.id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED;

-- name: OpenSessionOfSchedule :one
SELECT session_id FROM sync_sessions WHERE schedule_id = @schedule_id::bigint AND completed_at IS NULL ORDER BY id LIMIT 1;

-- name: QueuedFire :one
SELECT * FROM schedule_fires WHERE schedule_id = @schedule_id AND outcome = 'queued';

-- name: InsertFire :one
-- No row when somebody has dealt with this time before.
INSERT INTO schedule_fires (schedule_id, fire_time, trigger, outcome, late, reason, session_id, created_by)
VALUES (@schedule_id, @fire_time, @trigger, @outcome, @late, @reason, sqlc.narg(session_id), sqlc.narg(created_by))
ON CONFLICT (schedule_id, fire_time) DO NOTHING
RETURNING *;

-- name: InsertMissed :many
INSERT INTO schedule_fires (schedule_id, fire_time, trigger, outcome, reason, missed_count)
SELECT @schedule_id, t.fire_time, 'cron', 'missed', @reason, 1
FROM unnest(@fire_times::timestamptz[]) AS t (fire_time)
ORDER BY t.fire_time
ON CONFLICT (schedule_id, fire_time) DO NOTHING
RETURNING *;

-- name: InsertMissedSpan :many
INSERT INTO schedule_fires (schedule_id, fire_time, trigger, outcome, reason, missed_from, missed_count)
VALUES (@schedule_id, @fire_time, 'cron', 'missed', @reason, sqlc.narg(missed_from), @missed_count)
ON CONFLICT (schedule_id, fire_time) DO NOTHING
RETURNING *;

-- name: SettleQueuedFire :one
UPDATE schedule_fires
SET outcome = @outcome, reason = @reason, session_id = sqlc.narg(session_id), updated_at = now()
WHERE schedule_id = @schedule_id AND outcome = 'queued'
RETURNING *;

-- name: FireRows :many
SELECT * FROM schedule_fires
WHERE schedule_id = @schedule_id AND (sqlc.narg(before_id)::bigint IS NULL OR id < sqlc.narg(before_id))
ORDER BY id DESC
LIMIT @row_limit;
