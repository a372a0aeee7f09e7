-- name: TryDispatchLock :one
SELECT pg_try_advisory_xact_lock(hashtext('dbfleet.dispatch')) AS locked;

-- name: DispatchLock :exec
SELECT pg_advisory_xact_lock(hashtext('dbfleet.dispatch'));

-- name: CallBackQueued :exec
-- What is queued for a credential goes through the dispatcher again, and old
-- tickets claim nothing. It waits for claims under way.
WITH queued AS (
    SELECT q.id FROM sync_instance_records q WHERE q.status = 'queued' AND q.credential_id = @credential_id::bigint ORDER BY q.id FOR UPDATE
)
UPDATE sync_instance_records r
SET status = CASE WHEN s.status = 'cancelling' THEN 'cancelled' ELSE 'pending' END,
    completed_at = CASE WHEN s.status = 'cancelling' THEN now() END,
    due_at = now(), dispatch_key = 1 + EXTRACT(epoch FROM now())::double precision / 1e11
FROM queued, sync_sessions s
WHERE r.id = queued.id AND r.status = 'queued' AND s.session_id = r.session_id;

-- name: QueueLoads :many
-- Of the categories in which a session is open: the others have nothing to take.
SELECT w.queue::text AS category, count(*)::integer AS workers, sum(w.concurrency)::integer AS concurrency,
       (SELECT count(*) FROM sync_instance_records r
        WHERE r.status IN ('queued', 'running') AND r.sync_category = w.queue)::integer AS busy
FROM (SELECT unnest(queues) AS queue, concurrency FROM workers WHERE lease_until > now()) w
WHERE EXISTS (SELECT 1 FROM sync_sessions s WHERE s.completed_at IS NULL AND s.sync_category = w.queue)
GROUP BY w.queue;

-- name: TakeDue :many
-- Takes up to @missing due records of one category, fairly over its sessions.
-- Candidates come through an index in dispatch order, past those of full hosts
-- as deep as @depth; what is due later lies beyond the bound. The sessions that
-- have something due share both numbers, so that a round costs no more the more
-- of them there are. Then the rules, each as a rank among the candidates: one
-- record per instance, the host's limit, logins not yet proven, half of the
-- window at most for those that could not connect, one quarantined at a time.
-- What was chosen is found by its id: the index of all that is pending, which a
-- plain comparison allows, was empty when the statistics of a fresh session's
-- table were made, and was read whole for each record.
WITH open_sessions AS MATERIALIZED (
    SELECT s.session_id FROM sync_sessions s
    WHERE s.completed_at IS NULL AND s.status = 'running' AND s.sync_category = @category AND s.deadline_at > now()
      AND (SELECT EXISTS (SELECT 1 FROM sync_instance_records d
                          WHERE d.session_id = s.session_id AND d.status = 'pending' AND d.lane IN (0, 1)
                            AND d.dispatch_key <= 1 + EXTRACT(epoch FROM now())::double precision / 1e11))
), counted AS MATERIALIZED (
    SELECT @candidates::bigint AS wanted, @depth::bigint AS depth, count(*) AS sessions FROM open_sessions
), under_way AS MATERIALIZED (
    SELECT b.session_id, b.instance_id, b.credential_id, b.host_key, b.sync_category, b.lane, b.lost
    FROM sync_instance_records b WHERE b.status IN ('queued', 'running')
), busy_hosts AS MATERIALIZED (
    SELECT b.host_key, count(*) AS busy FROM under_way b GROUP BY b.host_key
), candidates AS (
    SELECT c.*
    FROM open_sessions o
    CROSS JOIN counted n
    CROSS JOIN LATERAL (
        (SELECT x.* FROM (
             SELECT r.id, r.session_id, r.instance_id, r.host_key, r.credential_id, r.lane, r.dispatch_key, r.lost
             FROM sync_instance_records r
             WHERE r.session_id = o.session_id AND r.status = 'pending' AND r.lane = 0
               AND r.dispatch_key <= 1 + EXTRACT(epoch FROM now())::double precision / 1e11 AND r.due_at <= now()
             ORDER BY r.dispatch_key LIMIT GREATEST(n.depth / n.sessions, 50)) x
         WHERE NOT x.host_key = ANY (ARRAY(SELECT f.host_key FROM busy_hosts f WHERE f.busy >= @host_limit::bigint))
         ORDER BY x.dispatch_key LIMIT GREATEST(n.wanted / n.sessions, 20))
        UNION ALL
        (SELECT x.* FROM (
             SELECT r.id, r.session_id, r.instance_id, r.host_key, r.credential_id, r.lane, r.dispatch_key, r.lost
             FROM sync_instance_records r
             WHERE r.session_id = o.session_id AND r.status = 'pending' AND r.lane = 1
               AND r.dispatch_key <= 1 + EXTRACT(epoch FROM now())::double precision / 1e11 AND r.due_at <= now()
             ORDER BY r.dispatch_key LIMIT GREATEST(n.depth / n.sessions, 50)) x
         WHERE NOT x.host_key = ANY (ARRAY(SELECT f.host_key FROM busy_hosts f WHERE f.busy >= @host_limit::bigint))
         ORDER BY x.dispatch_key LIMIT GREATEST(n.wanted / n.sessions, 20))
    ) c
), idle AS (
    SELECT c.*, row_number() OVER (PARTITION BY c.session_id ORDER BY c.lane, c.dispatch_key) AS turn
    FROM candidates c
    WHERE NOT EXISTS (SELECT 1 FROM sync_instance_records b
                      WHERE b.instance_id = c.instance_id AND b.sync_category = @category
                        AND b.status IN ('queued', 'running'))
), busy AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE b.lane = 1) AS unreachable, count(*) FILTER (WHERE b.lost >= 2) AS quarantined
    FROM under_way b WHERE b.sync_category = @category
), busy_logins AS MATERIALIZED (
    SELECT b.session_id, b.credential_id, count(*) AS busy FROM under_way b GROUP BY b.session_id, b.credential_id
), logins AS MATERIALIZED (
    SELECT k.session_id, k.credential_id,
           EXISTS (SELECT 1 FROM session_logins l WHERE l.session_id = k.session_id
                   AND l.credential_id = k.credential_id AND l.credential_version = cr.version) AS proven,
           COALESCE(b.busy, 0) +
           (SELECT count(*) FROM sync_instance_records f WHERE f.session_id = k.session_id
            AND f.credential_id = k.credential_id AND f.error_code = 'auth_failed'
            AND f.credential_version = cr.version) AS spent
    FROM (SELECT DISTINCT session_id, credential_id FROM idle) k
    LEFT JOIN credentials cr ON cr.id = k.credential_id -- gone with its last instance: not proven
    LEFT JOIN busy_logins b USING (session_id, credential_id)
), ranked AS (
    SELECT i.*, COALESCE(h.busy, 0) AS in_host_before, l.proven, l.spent,
           row_number() OVER (PARTITION BY i.instance_id ORDER BY i.turn, i.id)                 AS in_instance,
           row_number() OVER (PARTITION BY i.host_key ORDER BY i.turn, i.id)                    AS in_host,
           row_number() OVER (PARTITION BY i.session_id, i.credential_id ORDER BY i.turn, i.id) AS in_credential,
           row_number() OVER (PARTITION BY i.lane ORDER BY i.turn, i.id)                        AS in_lane,
           row_number() OVER (PARTITION BY i.lost >= 2 ORDER BY i.turn, i.id)                   AS in_quarantine
    FROM idle i
    JOIN logins l USING (session_id, credential_id)
    LEFT JOIN busy_hosts h USING (host_key)
), chosen AS (
    SELECT r.id
    FROM ranked r
    CROSS JOIN busy b
    WHERE r.in_instance = 1
      AND r.in_host_before + r.in_host <= @host_limit::bigint
      AND (r.proven OR r.spent + r.in_credential <= @max_unproven::bigint)
      AND (r.lane = 0 OR b.unreachable + r.in_lane <= @half_window::bigint)
      AND (r.lost < 2 OR b.quarantined = 0 AND r.in_quarantine = 1)
    ORDER BY r.turn, r.id
    LIMIT @missing
), taken AS (
    SELECT r.id FROM sync_instance_records r JOIN chosen USING (id)
    WHERE r.status || '' = 'pending' -- see above
    FOR UPDATE OF r SKIP LOCKED
)
UPDATE sync_instance_records r
SET status = 'queued', gen = r.gen + 1, queued_at = now(), bell_missed = 0
FROM taken
WHERE r.id = taken.id AND r.status || '' = 'pending'
RETURNING r.id, r.gen;

-- name: OverdueBells :many
SELECT id, gen, sync_category FROM sync_instance_records
WHERE status = 'queued' AND queued_at < now() - @age::interval
  AND (bell_missed > 0 OR bell_at IS NULL OR bell_at < now() - @age::interval)
ORDER BY queued_at
LIMIT @row_limit;

-- name: HearBells :exec
WITH heard AS (
    SELECT id FROM sync_instance_records
    WHERE id = ANY (@ids::bigint[]) AND status = 'queued' AND bell_missed > 0
    FOR UPDATE SKIP LOCKED
)
UPDATE sync_instance_records r SET bell_missed = 0
FROM heard WHERE r.id = heard.id AND r.status = 'queued';

-- name: KeepBells :exec
-- Tickets that a worker has waiting; those named a moment ago are left alone.
WITH kept AS (
    SELECT q.id FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@gens::integer[]) AS gen) AS k
    JOIN sync_instance_records q ON q.id = k.id AND q.gen = k.gen AND q.status = 'queued'
    WHERE q.queued_at < now() - @age::interval AND (q.bell_missed > 0 OR q.bell_at IS NULL OR q.bell_at < now() - @age::interval)
    FOR UPDATE OF q SKIP LOCKED
)
UPDATE sync_instance_records r SET bell_missed = 0, bell_at = now()
FROM kept WHERE r.id = kept.id AND r.status = 'queued';

-- name: MissBells :one
-- The second miss in a row makes the record due again at once; the dispatcher
-- gives it the next generation, so that an old delivery claims nothing. A miss
-- that follows another too soon is the same one, seen by another scheduler.
WITH missed AS (
    SELECT q.id, q.bell_missed > 0 AS again
    FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@gens::integer[]) AS gen) AS m
    JOIN sync_instance_records q ON q.id = m.id AND q.gen = m.gen AND q.status = 'queued'
    WHERE q.bell_missed = 0 OR q.bell_at IS NULL OR q.bell_at < now() - @apart::interval
    FOR UPDATE OF q SKIP LOCKED
), marked AS (
    UPDATE sync_instance_records r
    SET bell_missed = r.bell_missed + 1, bell_at = now(),
        status = CASE WHEN NOT missed.again THEN r.status
                      WHEN s.status = 'cancelling' THEN 'cancelled' ELSE 'pending' END,
        completed_at = CASE WHEN missed.again AND s.status = 'cancelling' THEN now() END,
        due_at = CASE WHEN missed.again THEN now() ELSE r.due_at END,
        dispatch_key = CASE WHEN missed.again THEN 1 + EXTRACT(epoch FROM now())::double precision / 1e11
                            ELSE r.dispatch_key END
    FROM missed, sync_sessions s
    WHERE r.id = missed.id AND r.status = 'queued' AND s.session_id = r.session_id
    RETURNING missed.again
)
SELECT count(*) FILTER (WHERE again)::bigint AS lost FROM marked;

-- name: RingAllAgain :execrows
WITH queued AS (
    SELECT id FROM sync_instance_records WHERE status = 'queued' FOR UPDATE SKIP LOCKED
)
UPDATE sync_instance_records r
SET status = CASE WHEN s.status = 'cancelling' THEN 'cancelled' ELSE 'pending' END,
    completed_at = CASE WHEN s.status = 'cancelling' THEN now() END,
    due_at = now(), dispatch_key = 1 + EXTRACT(epoch FROM now())::double precision / 1e11
FROM queued, sync_sessions s
WHERE r.id = queued.id AND r.status = 'queued' AND s.session_id = r.session_id;
