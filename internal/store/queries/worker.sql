-- name: RegisterWorker :exec
INSERT INTO workers (id, hostname, pid, version, queues, concurrency, lease_until)
VALUES (@id, @hostname, @pid, @version, @queues, @concurrency, now() + @lease::interval);

-- name: BeatWorker :execrows
UPDATE workers SET beaten_at = now(), lease_until = now() + @lease::interval WHERE id = @id;

-- name: RecordsToStop :many
SELECT r.id
FROM sync_instance_records r
JOIN sync_sessions s USING (session_id)
WHERE r.worker_id = @worker_id AND r.status = 'running'
  AND (s.status = 'cancelling' OR r.cancel_requested_at IS NOT NULL);

-- name: RemoveWorker :exec
DELETE FROM workers WHERE id = @id;

-- name: ListWorkers :many
SELECT id, hostname, pid, version, queues, concurrency, started_at, beaten_at, lease_until > now() AS alive
FROM workers ORDER BY started_at, id;
