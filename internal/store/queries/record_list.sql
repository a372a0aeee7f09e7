-- name: RecordRows :many
-- One probe of the index per status, so that no plan walks other sessions'
-- records or all those of another status. Among ended sessions no record is
-- unmeasured: IS NULL would be taken for so rare that all of a status are read.
SELECT r.* FROM (
    SELECT p.id FROM unnest(@statuses::text[]) AS wanted (status)
    CROSS JOIN LATERAL (
        SELECT q.id FROM sync_instance_records q
        WHERE q.session_id = @session_id AND q.status = wanted.status AND q.id > @after::bigint
          AND (NOT @unmeasured::boolean OR COALESCE(q.duration_ms, -1) < 0)
          AND (@error_code::text = '' OR q.error_code = @error_code::text)
          AND (@error_fingerprint::text = '' OR q.error_fingerprint = @error_fingerprint::text)
          AND (sqlc.narg(pattern)::text IS NULL OR q.instance_name ILIKE sqlc.narg(pattern)::text)
        ORDER BY q.id LIMIT @row_limit) p
    ORDER BY p.id LIMIT @row_limit
) page
JOIN sync_instance_records r ON r.id = page.id
ORDER BY r.id;

-- name: RecordRowsBack :many
SELECT r.* FROM (
    SELECT p.id FROM unnest(@statuses::text[]) AS wanted (status)
    CROSS JOIN LATERAL (
        SELECT q.id FROM sync_instance_records q
        WHERE q.session_id = @session_id AND q.status = wanted.status AND (@after::bigint = 0 OR q.id < @after::bigint)
          AND (NOT @unmeasured::boolean OR COALESCE(q.duration_ms, -1) < 0)
          AND (@error_code::text = '' OR q.error_code = @error_code::text)
          AND (@error_fingerprint::text = '' OR q.error_fingerprint = @error_fingerprint::text)
          AND (sqlc.narg(pattern)::text IS NULL OR q.instance_name ILIKE sqlc.narg(pattern)::text)
        ORDER BY q.id DESC LIMIT @row_limit) p
    ORDER BY p.id DESC LIMIT @row_limit
) page
JOIN sync_instance_records r ON r.id = page.id
ORDER BY r.id DESC;

-- name: RecordsByDuration :many
SELECT q.* FROM sync_instance_records q
WHERE q.session_id = @session_id AND q.duration_ms IS NOT NULL AND q.status = ANY (@statuses::text[])
  AND (@after_id::bigint = 0 OR (q.duration_ms, q.id) > (@after_ms::bigint, @after_id::bigint))
  AND (@error_code::text = '' OR q.error_code = @error_code::text)
  AND (@error_fingerprint::text = '' OR q.error_fingerprint = @error_fingerprint::text)
  AND (sqlc.narg(pattern)::text IS NULL OR q.instance_name ILIKE sqlc.narg(pattern)::text)
ORDER BY q.duration_ms, q.id
LIMIT @row_limit;

-- name: RecordsByDurationBack :many
SELECT q.* FROM sync_instance_records q
WHERE q.session_id = @session_id AND q.duration_ms IS NOT NULL AND q.status = ANY (@statuses::text[])
  AND (@after_id::bigint = 0 OR (q.duration_ms, q.id) < (@after_ms::bigint, @after_id::bigint))
  AND (@error_code::text = '' OR q.error_code = @error_code::text)
  AND (@error_fingerprint::text = '' OR q.error_fingerprint = @error_fingerprint::text)
  AND (sqlc.narg(pattern)::text IS NULL OR q.instance_name ILIKE sqlc.narg(pattern)::text)
ORDER BY q.duration_ms DESC, q.id DESC
LIMIT @row_limit;

-- name: RecordsByName :many
-- No index has the order: one by name would be written four times for every
-- record that runs. A session's records are read and the first are kept.
SELECT r.* FROM (
    SELECT q.id, q.instance_name FROM sync_instance_records q
    WHERE q.session_id = @session_id AND q.status = ANY (@statuses::text[])
      AND (@after_id::bigint = 0
           OR NOT @back::boolean AND (q.instance_name, q.id) > (@after_name::text, @after_id::bigint)
           OR @back::boolean AND (q.instance_name, q.id) < (@after_name::text, @after_id::bigint))
      AND (@error_code::text = '' OR q.error_code = @error_code::text)
      AND (@error_fingerprint::text = '' OR q.error_fingerprint = @error_fingerprint::text)
      AND (sqlc.narg(pattern)::text IS NULL OR q.instance_name ILIKE sqlc.narg(pattern)::text)
    ORDER BY CASE WHEN @back::boolean THEN NULL ELSE q.instance_name END,
             CASE WHEN @back::boolean THEN q.instance_name END DESC,
             CASE WHEN @back::boolean THEN -q.id ELSE q.id END
    LIMIT @row_limit
) page
JOIN sync_instance_records r ON r.id = page.id
ORDER BY CASE WHEN @back::boolean THEN NULL ELSE page.instance_name END,
         CASE WHEN @back::boolean THEN page.instance_name END DESC,
         CASE WHEN @back::boolean THEN -page.id ELSE page.id END;

-- name: RecordObstacles :many
-- What may keep records from running; see Obstacles in package session. A queued
-- record is in the way of a pending one, a running one of both. What many records
-- share is looked at once.
WITH waiting AS MATERIALIZED (
    SELECT r.id, r.status, r.due_at, r.queued_at, r.session_id, r.instance_id, r.sync_category, r.host_key, r.credential_id
    FROM sync_instance_records r
    WHERE r.id = ANY (@ids::bigint[]) AND r.status IN ('pending', 'queued')
), under_way AS MATERIALIZED (
    SELECT b.session_id, b.credential_id, b.host_key FROM sync_instance_records b WHERE b.status IN ('queued', 'running')
), hosts AS MATERIALIZED (
    SELECT k.host_key, count(h.host_key) AS busy
    FROM (SELECT DISTINCT host_key FROM waiting) k
    LEFT JOIN under_way h USING (host_key)
    GROUP BY k.host_key
), busy_logins AS MATERIALIZED (
    SELECT b.session_id, b.credential_id, count(*) AS busy FROM under_way b GROUP BY b.session_id, b.credential_id
), logins AS MATERIALIZED (
    SELECT k.session_id, k.credential_id,
           EXISTS (SELECT 1 FROM session_logins l WHERE l.session_id = k.session_id
                   AND l.credential_id = k.credential_id AND l.credential_version = c.version) AS proven,
           COALESCE(b.busy, 0) +
           (SELECT count(*) FROM sync_instance_records f WHERE f.session_id = k.session_id
            AND f.credential_id = k.credential_id AND f.error_code = 'auth_failed'
            AND f.credential_version = c.version) AS spent
    FROM (SELECT DISTINCT session_id, credential_id FROM waiting) k
    LEFT JOIN credentials c ON c.id = k.credential_id
    LEFT JOIN busy_logins b USING (session_id, credential_id)
), queues AS MATERIALIZED (
    SELECT k.sync_category, (SELECT count(*) FROM workers w
                             WHERE w.lease_until > now() AND k.sync_category = ANY (w.queues)) AS workers
    FROM (SELECT DISTINCT sync_category FROM waiting) k
)
SELECT r.id, r.status, r.due_at, r.queued_at, now()::timestamptz AS looked_at, q.workers::integer AS workers,
       COALESCE((SELECT b.session_id FROM sync_instance_records b
                 WHERE b.instance_id = r.instance_id AND b.sync_category = r.sync_category AND b.session_id <> r.session_id
                   AND b.status IN ('queued', 'running') AND (b.status = 'running' OR r.status = 'pending')
                 ORDER BY b.status DESC, b.id LIMIT 1), '00000000-0000-0000-0000-000000000000')::uuid AS other,
       h.busy::integer AS host_busy, l.proven::boolean AS proven, l.spent::integer AS logins
FROM waiting r
JOIN hosts h USING (host_key)
JOIN queues q USING (sync_category)
JOIN logins l USING (session_id, credential_id);

-- name: ErrorKinds :many
-- The biggest kinds of failure of a session, with a row for each sample.
WITH kinds AS (
    SELECT r.error_code, r.error_fingerprint, count(*) AS failures
    FROM sync_instance_records r
    WHERE r.session_id = @session_id AND r.status = 'failed'
    GROUP BY r.error_code, r.error_fingerprint
    ORDER BY count(*) DESC, r.error_code, r.error_fingerprint
    LIMIT @kinds_limit::integer
)
SELECT k.error_code::text AS code, k.error_fingerprint AS fingerprint, k.failures::integer AS failures,
       s.id AS record_id, s.instance_id, s.instance_name,
       COALESCE(s.error_phase, '')::text AS phase, COALESCE(s.error_message, '')::text AS message
FROM kinds k
CROSS JOIN LATERAL (
    SELECT r.id, r.instance_id, r.instance_name, r.error_phase, r.error_message
    FROM sync_instance_records r
    WHERE r.session_id = @session_id AND r.status = 'failed'
      AND r.error_code = k.error_code AND r.error_fingerprint = k.error_fingerprint
    ORDER BY r.id LIMIT @samples::integer) s
ORDER BY k.failures DESC, k.error_code, k.error_fingerprint, s.id;

-- name: ForecastRecords :many
-- What is left to do for open records, by their instances' own history: the mean
-- of the last reads of this category among the last ten records. Of many records
-- a part is looked at; pending ones are in random order, so that it is a sample.
WITH looked AS (
    (SELECT r.instance_id, r.status, 0::double precision AS ran_ms FROM sync_instance_records r
     WHERE r.session_id = @session_id AND r.status = 'pending' AND r.lane = 0 ORDER BY r.dispatch_key LIMIT @sample::integer)
    UNION ALL
    (SELECT r.instance_id, r.status, 0 FROM sync_instance_records r
     WHERE r.session_id = @session_id AND r.status = 'pending' AND r.lane = 1 ORDER BY r.dispatch_key LIMIT @sample::integer)
    UNION ALL
    (SELECT r.instance_id, r.status, 0 FROM sync_instance_records r
     WHERE r.session_id = @session_id AND r.status = 'queued' ORDER BY r.id LIMIT @sample::integer)
    UNION ALL
    (SELECT r.instance_id, r.status, EXTRACT(epoch FROM now() - r.started_at) * 1000 FROM sync_instance_records r
     WHERE r.session_id = @session_id AND r.status = 'running' ORDER BY r.id LIMIT @sample::integer)
)
SELECT l.status::text AS status, count(*)::integer AS looked, count(h.mean_ms)::integer AS known,
       COALESCE(avg(GREATEST(h.mean_ms - l.ran_ms, 0)) FILTER (WHERE h.mean_ms IS NOT NULL), 0)::bigint AS left_ms
FROM looked l
CROSS JOIN LATERAL (
    SELECT avg(d.duration_ms)::double precision AS mean_ms FROM (
        SELECT p.duration_ms, p.status, p.sync_category FROM sync_instance_records p
        WHERE p.instance_id = l.instance_id ORDER BY p.id DESC LIMIT 10) d
    WHERE d.status = 'completed' AND d.sync_category = @category::text) h
GROUP BY l.status;
