-- name: TakeLease :execrows
INSERT INTO leases (name, holder, lease_until)
VALUES (@name, @holder, now() + @lease::interval)
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, lease_until = excluded.lease_until
WHERE leases.holder = excluded.holder OR leases.lease_until < now();

-- name: CountOpenRecords :many
SELECT s.sync_category, r.status, count(*)::bigint AS records
FROM sync_sessions s
JOIN sync_instance_records r ON r.session_id = s.session_id
WHERE s.completed_at IS NULL
GROUP BY s.sync_category, r.status;

-- name: CountWorkers :many
SELECT w.queue::text AS category, count(*)::bigint AS workers
FROM (SELECT unnest(queues) AS queue FROM workers WHERE lease_until > now()) w
GROUP BY w.queue;

-- name: CountDueRecords :many
SELECT s.sync_category, count(*)::bigint AS due,
       EXTRACT(epoch FROM now() - min(r.due_at))::double precision AS oldest_s
FROM sync_sessions s
JOIN sync_instance_records r ON r.session_id = s.session_id
WHERE s.completed_at IS NULL AND s.status = 'running' AND r.status = 'pending' AND r.due_at <= now()
GROUP BY s.sync_category;

-- name: SyncAges :many
-- The ages mean nothing for a category in which every instance was never synced.
SELECT served.category::text AS category, count(*)::bigint AS instances,
       count(*) FILTER (WHERE l.synced_at IS NULL)::bigint AS never,
       COALESCE(EXTRACT(epoch FROM now() - max(l.synced_at)), 0)::double precision AS newest_s,
       COALESCE(EXTRACT(epoch FROM now() - min(l.synced_at)), 0)::double precision AS oldest_s
FROM (SELECT unnest(@categories::text[]) AS category, unnest(@engines::text[]) AS engine) served
JOIN instances i ON i.engine = served.engine AND i.active AND i.deleted_at IS NULL
LEFT JOIN last_syncs l ON l.instance_id = i.id AND l.sync_category = served.category
GROUP BY served.category;
