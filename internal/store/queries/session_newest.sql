-- name: NewestSessions :many
-- Page and number of all in one statement, so that they are of one moment.
SELECT sqlc.embed(s), matching.sessions AS matching
FROM (
    SELECT p.id FROM sync_sessions p
    WHERE (cardinality(@types::text[]) = 0 OR p.sync_type = ANY (@types::text[]))
      AND (cardinality(@categories::text[]) = 0 OR p.sync_category = ANY (@categories::text[]))
      AND (cardinality(@statuses::text[]) = 0 OR p.status = ANY (@statuses::text[]))
    ORDER BY p.started_at DESC, p.id DESC
    LIMIT @row_limit
) page
JOIN sync_sessions s ON s.id = page.id
CROSS JOIN (
    SELECT count(*)::integer AS sessions FROM sync_sessions m
    WHERE (cardinality(@types::text[]) = 0 OR m.sync_type = ANY (@types::text[]))
      AND (cardinality(@categories::text[]) = 0 OR m.sync_category = ANY (@categories::text[]))
      AND (cardinality(@statuses::text[]) = 0 OR m.status = ANY (@statuses::text[]))
) matching
ORDER BY s.started_at DESC, s.id DESC;

-- name: TallySessions :many
SELECT sync_type, sync_category, status, count(*)::integer AS sessions
FROM sync_sessions
GROUP BY sync_type, sync_category, status
ORDER BY sync_type, sync_category, status;

-- name: WorstRecords :many
-- One probe of the index per status, as in other lists of records.
SELECT r.* FROM (
    SELECT p.id FROM unnest(@statuses::text[]) AS wanted (status)
    CROSS JOIN LATERAL (
        SELECT q.id FROM sync_instance_records q
        WHERE q.session_id = @session_id AND q.status = wanted.status
        ORDER BY q.id LIMIT @row_limit) p
    ORDER BY wanted.status <> 'failed', p.id LIMIT @row_limit
) page
JOIN sync_instance_records r ON r.id = page.id
ORDER BY r.status <> 'failed', r.id;
