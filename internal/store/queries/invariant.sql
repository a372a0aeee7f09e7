-- Every statement here finds what must never be, and returns one line of text
-- for each case, at most a hundred. They run on one snapshot.

-- name: SessionsWithWrongTotal :many
SELECT format('session %s has %s records, total %s', s.session_id, count(r.id), s.total_instances)::text
FROM sync_sessions s LEFT JOIN sync_instance_records r USING (session_id)
GROUP BY s.id HAVING count(r.id) <> s.total_instances
LIMIT 100;

-- name: EndedSessionsWithOpenRecords :many
SELECT format('session %s is %s, its record %s %s', s.session_id, s.status, r.id, r.status)::text
FROM sync_sessions s JOIN sync_instance_records r USING (session_id)
WHERE s.completed_at IS NOT NULL AND r.status IN ('pending', 'queued', 'running')
LIMIT 100;

-- name: EndedSessionsWithOtherCounts :many
SELECT format('session %s froze other figures than its records have', s.session_id)::text
FROM sync_sessions s JOIN sync_instance_records r USING (session_id)
WHERE s.completed_at IS NOT NULL
GROUP BY s.id
HAVING (s.successful_instances, s.failed_instances, s.cancelled_instances, s.skipped_instances, s.partial_instances)
       <> (count(*) FILTER (WHERE r.status = 'completed'), count(*) FILTER (WHERE r.status = 'failed'),
           count(*) FILTER (WHERE r.status = 'cancelled'), count(*) FILTER (WHERE r.status = 'skipped'),
           count(*) FILTER (WHERE r.status = 'completed' AND r.partial))
    OR (s.items_synced, s.items_created, s.items_updated, s.items_deleted)
       <> (sum(r.items_synced), sum(r.items_created), sum(r.items_updated), sum(r.items_deleted))
LIMIT 100;

-- name: CancelledSessionsThatEndedOtherwise :many
SELECT format('session %s was cancelled and is %s', session_id, status)::text
FROM sync_sessions WHERE cancel_requested_at IS NOT NULL AND status NOT IN ('cancelling', 'cancelled')
LIMIT 100;

-- name: RecordsWithImpossibleCounters :many
SELECT format('record %s: gen %s, attempt %s, failures %s, lost %s', id, gen, attempt, failures, lost)::text
FROM sync_instance_records
WHERE attempt > gen OR failures + lost > attempt OR status = 'completed' AND attempt = 0 OR status = 'queued' AND gen = 0
LIMIT 100;

-- name: InstancesHeldTwice :many
SELECT format('instance %s has %s running records of %s', instance_id, count(*), sync_category)::text
FROM sync_instance_records WHERE status = 'running'
GROUP BY instance_id, sync_category HAVING count(*) > 1
LIMIT 100;

-- name: LastSyncsOfNoCompletion :many
SELECT format('last sync of instance %s and %s is record %s', l.instance_id, l.sync_category, l.record_id)::text
FROM last_syncs l LEFT JOIN sync_instance_records r ON r.id = l.record_id
WHERE r.id IS NOT NULL AND (r.status, r.instance_id, r.sync_category, r.session_id, r.completed_at, r.partial)
      IS DISTINCT FROM ('completed', l.instance_id, l.sync_category, l.session_id, l.synced_at, l.partial)
LIMIT 100;

-- name: CredentialsTriedTooOften :many
-- In flight and failed: a rotation in the middle of a session allows each version
-- its own, and proves nothing of the next.
SELECT format('credential %s: %s logins in session %s, none proven', r.credential_id, count(*), r.session_id)::text
FROM sync_instance_records r
WHERE (r.status = 'running' OR r.error_code = 'auth_failed' AND r.status = 'failed')
  AND NOT EXISTS (SELECT 1 FROM session_logins l WHERE l.session_id = r.session_id AND l.credential_id = r.credential_id
                  AND l.credential_version = r.credential_version)
GROUP BY r.session_id, r.credential_id, r.credential_version HAVING count(*) > @max_unproven::bigint
LIMIT 100;

-- name: BrokenAccountHistories :many
WITH v AS (
    SELECT account_id, change, valid_from, valid_to, state IS NULL AS gone,
           lag(valid_to) OVER w AS before, row_number() OVER w AS nr, lead(id) OVER w IS NULL AS last
    FROM account_versions WINDOW w AS (PARTITION BY account_id ORDER BY id)
)
SELECT format('account %s: its versions do not follow each other', v.account_id)::text
FROM v JOIN accounts a ON a.id = v.account_id
WHERE (v.nr = 1) <> (v.change = 'created') OR v.nr > 1 AND v.before IS DISTINCT FROM v.valid_from
   OR v.last <> (v.valid_to IS NULL) OR v.last AND v.gone <> (a.deleted_at IS NOT NULL)
GROUP BY v.account_id
LIMIT 100;

-- name: AccountsWithoutHistory :many
SELECT format('account %s has no version', a.id)::text
FROM accounts a WHERE NOT EXISTS (SELECT 1 FROM account_versions v WHERE v.account_id = a.id)
LIMIT 100;

-- name: SessionsOfNoFire :many
SELECT format('session %s of schedule %s belongs to no fire of it', s.session_id, s.schedule_id)::text
FROM sync_sessions s
WHERE s.schedule_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM schedule_fires f WHERE f.session_id = s.session_id AND f.schedule_id = s.schedule_id)
LIMIT 100;

-- name: FireTimesWithSeveralSessions :many
SELECT format('schedule %s has %s sessions for %s', f.schedule_id, count(*), f.fire_time)::text
FROM schedule_fires f WHERE f.session_id IS NOT NULL
GROUP BY f.schedule_id, f.fire_time HAVING count(*) > 1
LIMIT 100;

-- name: FiresWithWrongSession :many
SELECT format('fire %s is %s, its session %s', id, outcome, COALESCE(session_id::text, 'none'))::text
FROM schedule_fires WHERE (outcome = 'started') <> (session_id IS NOT NULL)
LIMIT 100;
