-- The filter is the same in all three queries. What it does not ask for folds
-- away in a plan made for the values (PlanForValues).

-- name: SessionsByStart :many
SELECT s.* FROM sync_sessions s
WHERE (@after_id::bigint = 0 OR (s.started_at, s.id) < (@after_at::timestamptz, @after_id::bigint))
  AND (sqlc.narg(sync_type)::text IS NULL OR s.sync_type = sqlc.narg(sync_type)::text)
  AND (sqlc.narg(sync_category)::text IS NULL OR s.sync_category = sqlc.narg(sync_category)::text)
  AND (sqlc.narg(status)::text IS NULL OR s.status = sqlc.narg(status)::text)
  AND (sqlc.narg(result)::text IS NULL OR s.result = sqlc.narg(result)::text)
  AND (sqlc.narg(created_by)::bigint IS NULL OR s.created_by = sqlc.narg(created_by)::bigint)
  AND (NOT @by_schedule::boolean OR s.created_by IS NULL)
  AND (sqlc.narg(started_from)::timestamptz IS NULL OR s.started_at >= sqlc.narg(started_from)::timestamptz)
  AND (sqlc.narg(started_to)::timestamptz IS NULL OR s.started_at < sqlc.narg(started_to)::timestamptz)
  AND (sqlc.narg(schedule_id)::bigint IS NULL OR s.schedule_id = sqlc.narg(schedule_id)::bigint)
  AND (sqlc.narg(instance_id)::bigint IS NULL OR s.session_id IN (
      SELECT r.session_id FROM sync_instance_records r WHERE r.instance_id = sqlc.narg(instance_id)::bigint))
  AND (sqlc.narg(pattern)::text IS NULL OR s.reason ILIKE sqlc.narg(pattern)::text
      OR s.session_id BETWEEN sqlc.narg(first_id)::uuid AND sqlc.narg(last_id)::uuid
      OR s.session_id IN (
          SELECT r.session_id FROM instances i JOIN sync_instance_records r ON r.instance_id = i.id
          WHERE i.name = sqlc.narg(instance_name)::text AND i.deleted_at IS NULL))
ORDER BY s.started_at DESC, s.id DESC
LIMIT @row_limit;

-- name: SessionsSorted :many
-- Ascending by number and id, each with its sign turned round when the order is
-- descending. What has no duration yet comes last in both orders.
WITH start AS (
    SELECT sqlc.arg(after_id)::bigint AS id, sqlc.arg(after_number)::bigint AS number, sqlc.arg(sign)::bigint AS sign
), placed AS (
    SELECT s.id, sqlc.arg(sign)::bigint * s.id AS place, (CASE @sort_by::text
            WHEN 'started_at' THEN sqlc.arg(sign)::bigint * (EXTRACT(epoch FROM s.started_at) * 1000000)::bigint
            WHEN 'duration' THEN COALESCE(sqlc.arg(sign)::bigint * (EXTRACT(epoch FROM s.completed_at - s.started_at) * 1000)::bigint, 9223372036854775807)
            WHEN 'total' THEN sqlc.arg(sign)::bigint * s.total_instances
            ELSE sqlc.arg(sign)::bigint * s.failed_instances
        END)::bigint AS number
    FROM sync_sessions s
    WHERE true
      AND (sqlc.narg(sync_type)::text IS NULL OR s.sync_type = sqlc.narg(sync_type)::text)
      AND (sqlc.narg(sync_category)::text IS NULL OR s.sync_category = sqlc.narg(sync_category)::text)
      AND (sqlc.narg(status)::text IS NULL OR s.status = sqlc.narg(status)::text)
      AND (sqlc.narg(result)::text IS NULL OR s.result = sqlc.narg(result)::text)
      AND (sqlc.narg(created_by)::bigint IS NULL OR s.created_by = sqlc.narg(created_by)::bigint)
      AND (NOT @by_schedule::boolean OR s.created_by IS NULL)
      AND (sqlc.narg(started_from)::timestamptz IS NULL OR s.started_at >= sqlc.narg(started_from)::timestamptz)
      AND (sqlc.narg(started_to)::timestamptz IS NULL OR s.started_at < sqlc.narg(started_to)::timestamptz)
      AND (sqlc.narg(schedule_id)::bigint IS NULL OR s.schedule_id = sqlc.narg(schedule_id)::bigint)
      AND (sqlc.narg(instance_id)::bigint IS NULL OR s.session_id IN (
          SELECT r.session_id FROM sync_instance_records r WHERE r.instance_id = sqlc.narg(instance_id)::bigint))
      AND (sqlc.narg(pattern)::text IS NULL OR s.reason ILIKE sqlc.narg(pattern)::text
          OR s.session_id BETWEEN sqlc.narg(first_id)::uuid AND sqlc.narg(last_id)::uuid
          OR s.session_id IN (
              SELECT r.session_id FROM instances i JOIN sync_instance_records r ON r.instance_id = i.id
              WHERE i.name = sqlc.narg(instance_name)::text AND i.deleted_at IS NULL))
)
SELECT sqlc.embed(s), p.number::bigint AS number
FROM placed p
CROSS JOIN start b
JOIN sync_sessions s ON s.id = p.id
WHERE b.id = 0 OR (p.number, p.place) > (b.number, b.sign * b.id)
ORDER BY p.number, p.place
LIMIT @row_limit;

-- name: SessionStatistics :many
-- One row for all, and one for each status, result, type, category and day.
-- 15 and so on are the bits of the columns that a row does not group by.
WITH picked AS (
    SELECT s.status, COALESCE(s.result, '') AS result, s.sync_type, s.sync_category,
           to_char(s.started_at AT TIME ZONE @zone::text, 'YYYY-MM-DD') AS day,
           s.completed_at, s.total_instances, s.successful_instances, s.failed_instances, s.cancelled_instances,
           s.skipped_instances, s.partial_instances, s.items_synced, s.items_created, s.items_updated, s.items_deleted,
           (EXTRACT(epoch FROM s.completed_at - s.started_at) * 1000)::bigint AS took_ms
    FROM sync_sessions s
    WHERE true
      AND (sqlc.narg(sync_type)::text IS NULL OR s.sync_type = sqlc.narg(sync_type)::text)
      AND (sqlc.narg(sync_category)::text IS NULL OR s.sync_category = sqlc.narg(sync_category)::text)
      AND (sqlc.narg(status)::text IS NULL OR s.status = sqlc.narg(status)::text)
      AND (sqlc.narg(result)::text IS NULL OR s.result = sqlc.narg(result)::text)
      AND (sqlc.narg(created_by)::bigint IS NULL OR s.created_by = sqlc.narg(created_by)::bigint)
      AND (NOT @by_schedule::boolean OR s.created_by IS NULL)
      AND (sqlc.narg(started_from)::timestamptz IS NULL OR s.started_at >= sqlc.narg(started_from)::timestamptz)
      AND (sqlc.narg(started_to)::timestamptz IS NULL OR s.started_at < sqlc.narg(started_to)::timestamptz)
      AND (sqlc.narg(schedule_id)::bigint IS NULL OR s.schedule_id = sqlc.narg(schedule_id)::bigint)
      AND (sqlc.narg(instance_id)::bigint IS NULL OR s.session_id IN (
          SELECT r.session_id FROM sync_instance_records r WHERE r.instance_id = sqlc.narg(instance_id)::bigint))
      AND (sqlc.narg(pattern)::text IS NULL OR s.reason ILIKE sqlc.narg(pattern)::text
          OR s.session_id BETWEEN sqlc.narg(first_id)::uuid AND sqlc.narg(last_id)::uuid
          OR s.session_id IN (
              SELECT r.session_id FROM instances i JOIN sync_instance_records r ON r.instance_id = i.id
              WHERE i.name = sqlc.narg(instance_name)::text AND i.deleted_at IS NULL))
)
SELECT (CASE GROUPING(p.status, p.result, p.sync_type, p.sync_category, p.day)
            WHEN 15 THEN 'status' WHEN 23 THEN 'result' WHEN 27 THEN 'type' WHEN 29 THEN 'category' WHEN 30 THEN 'day'
            ELSE 'all' END)::text AS dimension,
       COALESCE(p.status, p.result, p.sync_type, p.sync_category, p.day, '')::text AS value,
       count(*)::integer AS sessions,
       count(p.completed_at)::integer AS ended,
       (count(*) FILTER (WHERE p.result = 'succeeded'))::integer AS succeeded,
       COALESCE(sum(p.total_instances), 0)::bigint      AS total,
       COALESCE(sum(p.successful_instances), 0)::bigint AS completed,
       COALESCE(sum(p.failed_instances), 0)::bigint     AS failed,
       COALESCE(sum(p.cancelled_instances), 0)::bigint  AS cancelled,
       COALESCE(sum(p.skipped_instances), 0)::bigint    AS skipped,
       COALESCE(sum(p.partial_instances), 0)::bigint    AS partial,
       COALESCE(sum(p.items_synced), 0)::bigint  AS items_synced,
       COALESCE(sum(p.items_created), 0)::bigint AS items_created,
       COALESCE(sum(p.items_updated), 0)::bigint AS items_updated,
       COALESCE(sum(p.items_deleted), 0)::bigint AS items_deleted,
       COALESCE(sum(p.took_ms), 0)::bigint AS busy_ms,
       COALESCE(percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY p.took_ms), '{0,0}')::bigint[] AS percentiles, -- one sort for both
       COALESCE(max(p.took_ms), 0)::bigint AS longest
FROM picked p
GROUP BY GROUPING SETS ((), (p.status), (p.result), (p.sync_type), (p.sync_category), (p.day));
