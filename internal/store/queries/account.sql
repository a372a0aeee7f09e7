-- name: LockInstanceServer :one
SELECT identity, (deleted_at IS NOT NULL)::boolean AS deleted FROM instances WHERE id = @id FOR NO KEY UPDATE;

-- name: StoredAccounts :many
SELECT id, identity, hash, kind, system, (deleted_at IS NOT NULL)::boolean AS deleted
FROM accounts
WHERE instance_id = @instance_id AND replaced_at IS NULL;

-- name: StoredStates :many
SELECT a.id, jsonb_build_object('identity', a.identity, 'name', a.name, 'host', a.host, 'kind', a.kind, 'system', a.system,
    'can_login', a.can_login, 'superuser', a.superuser, 'valid_until', a.valid_until, 'attributes', a.attributes,
    'memberships', a.memberships, 'grants', a.grants)::text AS state
FROM accounts a
WHERE a.id = ANY(@ids::bigint[]);

-- name: CreateAccounts :execrows
-- Ids are drawn first, so that both inserts take them from one place.
WITH given AS (
    SELECT unnest(@states::jsonb[]) AS state, unnest(@hashes::bytea[]) AS hash
), input AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('accounts', 'id')) AS id, state, hash FROM given
), created AS (
    INSERT INTO accounts (id, instance_id, identity, name, host, kind, system, can_login, superuser,
        valid_until, attributes, memberships, grants, hash, first_seen_at)
    SELECT i.id, @instance_id, i.state->>'identity', i.state->>'name', COALESCE(i.state->>'host', ''), i.state->>'kind',
        COALESCE((i.state->>'system')::boolean, false), COALESCE((i.state->>'can_login')::boolean, false),
        COALESCE((i.state->>'superuser')::boolean, false), (i.state->>'valid_until')::timestamptz,
        i.state->'attributes', i.state->'memberships', i.state->'grants', i.hash, now()
    FROM input i
)
INSERT INTO account_versions (account_id, instance_id, change, valid_from, state, record_id, session_id)
SELECT i.id, @instance_id, 'created', now(), i.state, @record_id, @session_id
FROM input i;

-- name: ChangeAccounts :execrows
-- A transaction that waited for another may have an older now() than that one
-- has written; a version then begins where the one before began.
WITH input AS (
    SELECT unnest(@ids::bigint[]) AS id, unnest(@changes::text[]) AS change, unnest(@states::jsonb[]) AS state,
        unnest(@hashes::bytea[]) AS hash, unnest(@diffs::jsonb[]) AS diff
), closed AS (
    UPDATE account_versions v
    SET valid_to = greatest(now(), v.valid_from)
    FROM input i
    WHERE v.account_id = i.id AND v.valid_to IS NULL
    RETURNING v.account_id, v.instance_id, v.valid_to AS moment, i.change, i.state, i.hash, i.diff
), changed AS (
    UPDATE accounts a
    SET name = c.state->>'name', host = COALESCE(c.state->>'host', ''), kind = c.state->>'kind',
        system = COALESCE((c.state->>'system')::boolean, false),
        can_login = COALESCE((c.state->>'can_login')::boolean, false),
        superuser = COALESCE((c.state->>'superuser')::boolean, false),
        valid_until = (c.state->>'valid_until')::timestamptz,
        attributes = c.state->'attributes', memberships = c.state->'memberships', grants = c.state->'grants',
        hash = c.hash, deleted_at = NULL, last_seen_at = NULL
    FROM closed c
    WHERE a.id = c.account_id
)
INSERT INTO account_versions (account_id, instance_id, change, valid_from, state, diff, record_id, session_id)
SELECT c.account_id, c.instance_id, c.change, c.moment, c.state, c.diff, @record_id, @session_id
FROM closed c;

-- name: LoseAccounts :execrows
-- Accounts that are already gone are left alone. They were last seen at the
-- given time, or by the instance's last read.
WITH closed AS (
    UPDATE account_versions v
    SET valid_to = greatest(now(), v.valid_from)
    WHERE v.account_id = ANY(@ids::bigint[]) AND v.valid_to IS NULL AND v.change <> 'disappeared'
    RETURNING v.account_id, v.instance_id, v.valid_to AS moment
), gone AS (
    UPDATE accounts a
    SET deleted_at = c.moment,
        last_seen_at = least(c.moment, greatest(a.first_seen_at, COALESCE(sqlc.narg('last_seen_at')::timestamptz, (
            SELECT l.synced_at FROM last_syncs l WHERE l.instance_id = c.instance_id AND l.sync_category = 'account'))))
    FROM closed c
    WHERE a.id = c.account_id
)
INSERT INTO account_versions (account_id, instance_id, change, valid_from, record_id, session_id)
SELECT c.account_id, c.instance_id, 'disappeared', c.moment, @record_id, @session_id
FROM closed c;

-- name: ReplaceAccounts :exec
UPDATE accounts SET replaced_at = now() WHERE instance_id = @instance_id AND replaced_at IS NULL;

-- name: LivingAmong :many
SELECT id FROM accounts
WHERE instance_id = @instance_id AND replaced_at IS NULL AND deleted_at IS NULL AND identity = ANY(@identities::text[]);

-- name: PlanForValues :exec
-- Filters that were not given fold away only in a plan made for these values.
SET LOCAL plan_cache_mode = force_custom_plan;

-- name: AccountsInOrder :many
-- A page of ids. What is looked at of each account stands in accounts_list: IS
-- TRUE and the inner SELECTs keep the planner from joining, which loses the
-- order; OFFSET 0 from reading what is granted to all others.
SELECT a.id
FROM accounts a
WHERE (a.name, a.id) > (@after_name::text, @after_id::bigint)
  AND (sqlc.narg('ids')::bigint[] IS NULL OR a.id = ANY(sqlc.narg('ids')::bigint[]))
  AND (sqlc.narg('instance_id')::bigint IS NULL OR a.instance_id = sqlc.narg('instance_id'))
  AND (sqlc.narg('engine')::text IS NULL AND sqlc.narg('tag')::text IS NULL OR (a.instance_id IN (
      SELECT i.id FROM instances i
      WHERE (sqlc.narg('engine')::text IS NULL OR i.engine = sqlc.narg('engine'))
        AND (sqlc.narg('tag')::text IS NULL OR EXISTS (
            SELECT 1 FROM instance_tags t WHERE t.instance_id = i.id AND t.tag = sqlc.narg('tag'))))) IS TRUE)
  AND (sqlc.narg('name')::text IS NULL OR a.name = sqlc.narg('name'))
  AND (sqlc.narg('pattern')::text IS NULL OR a.folded LIKE lower(sqlc.narg('pattern')))
  AND (sqlc.narg('kind')::text IS NULL OR a.kind = sqlc.narg('kind'))
  AND (sqlc.narg('superuser')::boolean IS NULL OR a.superuser = sqlc.narg('superuser'))
  AND (sqlc.narg('locked')::boolean IS NULL OR a.locked = sqlc.narg('locked'))
  AND (sqlc.narg('can_login')::boolean IS NULL OR a.can_login = sqlc.narg('can_login'))
  AND (sqlc.narg('system')::boolean IS NULL OR a.system = sqlc.narg('system'))
  AND (@deleted::boolean OR a.deleted_at IS NULL AND (
      SELECT i.deleted_at IS NULL FROM instances i WHERE i.id = a.instance_id))
  AND (NOT @granted::boolean OR EXISTS (
      SELECT 1 FROM account_grants g
      WHERE g.account_id = a.id
        AND (sqlc.narg('privilege')::text IS NULL OR g.privilege = left(sqlc.narg('privilege'), 200))
        AND (sqlc.narg('grant_type')::text IS NULL OR g.type = left(sqlc.narg('grant_type'), 200))
        AND (sqlc.narg('grant_database')::text IS NULL OR g.database <> '' AND g.database = left(sqlc.narg('grant_database'), 200))
        AND (sqlc.narg('grant_schema')::text IS NULL OR g.schema = left(sqlc.narg('grant_schema'), 200))
        AND (sqlc.narg('grant_object')::text IS NULL OR g.object = left(sqlc.narg('grant_object'), 200))
        AND (sqlc.narg('grant_column')::text IS NULL OR g.col = left(sqlc.narg('grant_column'), 200))
      OFFSET 0))
ORDER BY a.name, a.id
LIMIT @max_rows;

-- name: WalkInOrder :exec
-- The planner takes a page for one that reads every match and sorts or merges:
-- it does not see that it is full long before.
SELECT set_config(name, 'off', true)
FROM unnest(ARRAY['enable_sort', 'enable_hashagg', 'enable_bitmapscan', 'enable_mergejoin']) AS name;

-- name: PlanFreely :exec
SELECT set_config(name, 'on', true)
FROM unnest(ARRAY['enable_sort', 'enable_hashagg', 'enable_bitmapscan', 'enable_mergejoin']) AS name;

-- name: GrantedAccounts :many
-- AccountsInOrder in the order of account_grants, whose index by privilege or
-- by object gives the accounts by name; an account comes once for all its rows.
-- By name and id it is found in accounts_list; OFFSET 0 keeps the planner from
-- beginning there.
SELECT found.account_id
FROM (
    SELECT DISTINCT g.name, g.account_id
    FROM account_grants g
    WHERE (g.name, g.account_id) > (@after_name::text, @after_id::bigint)
      AND (sqlc.narg('privilege')::text IS NULL OR g.privilege = left(sqlc.narg('privilege'), 200))
      AND (sqlc.narg('grant_type')::text IS NULL OR g.type = left(sqlc.narg('grant_type'), 200))
      AND (sqlc.narg('grant_database')::text IS NULL OR g.database <> '' AND g.database = left(sqlc.narg('grant_database'), 200))
      AND (sqlc.narg('grant_schema')::text IS NULL OR g.schema = left(sqlc.narg('grant_schema'), 200))
      AND (sqlc.narg('grant_object')::text IS NULL OR g.object = left(sqlc.narg('grant_object'), 200))
      AND (sqlc.narg('grant_column')::text IS NULL OR g.col = left(sqlc.narg('grant_column'), 200))
    ORDER BY g.name, g.account_id
) found
CROSS JOIN LATERAL (
    SELECT 1
    FROM accounts a
    WHERE a.name = found.name AND a.id = found.account_id
    AND (sqlc.narg('engine')::text IS NULL AND sqlc.narg('tag')::text IS NULL OR (a.instance_id IN (
        SELECT i.id FROM instances i
        WHERE (sqlc.narg('engine')::text IS NULL OR i.engine = sqlc.narg('engine'))
          AND (sqlc.narg('tag')::text IS NULL OR EXISTS (
              SELECT 1 FROM instance_tags t WHERE t.instance_id = i.id AND t.tag = sqlc.narg('tag'))))) IS TRUE)
    AND (sqlc.narg('name')::text IS NULL OR a.name = sqlc.narg('name'))
    AND (sqlc.narg('pattern')::text IS NULL OR a.folded LIKE lower(sqlc.narg('pattern')))
    AND (sqlc.narg('kind')::text IS NULL OR a.kind = sqlc.narg('kind'))
    AND (sqlc.narg('superuser')::boolean IS NULL OR a.superuser = sqlc.narg('superuser'))
    AND (sqlc.narg('locked')::boolean IS NULL OR a.locked = sqlc.narg('locked'))
    AND (sqlc.narg('can_login')::boolean IS NULL OR a.can_login = sqlc.narg('can_login'))
    AND (sqlc.narg('system')::boolean IS NULL OR a.system = sqlc.narg('system'))
    AND (@deleted::boolean OR a.deleted_at IS NULL AND (
        SELECT i.deleted_at IS NULL FROM instances i WHERE i.id = a.instance_id))
    OFFSET 0
) a
ORDER BY found.name, found.account_id
LIMIT @max_rows;

-- name: GrantedOnInstances :many
-- Of each instance of an engine or with a tag, the next accounts that have the
-- privilege, from account_grants_instance.
SELECT next.account_id
FROM instances i
CROSS JOIN LATERAL (
    SELECT found.account_id
    FROM (
        SELECT DISTINCT g.name, g.account_id
        FROM account_grants g
        WHERE g.instance_id = i.id AND g.privilege = left(@privilege::text, 200)
          AND (g.name, g.account_id) > (@after_name::text, @after_id::bigint)
        ORDER BY g.name, g.account_id
    ) found
    CROSS JOIN LATERAL (
        SELECT 1 FROM accounts a
        WHERE a.name = found.name AND a.id = found.account_id AND (@deleted::boolean OR a.deleted_at IS NULL)
        OFFSET 0
    ) a
    ORDER BY found.name, found.account_id
    LIMIT @of_each
) next
WHERE (sqlc.narg('engine')::text IS NULL OR i.engine = sqlc.narg('engine'))
  AND (sqlc.narg('tag')::text IS NULL OR EXISTS (
      SELECT 1 FROM instance_tags t WHERE t.instance_id = i.id AND t.tag = sqlc.narg('tag')))
  AND (@deleted::boolean OR i.deleted_at IS NULL)
LIMIT @max_rows;

-- name: AccountRows :many
-- The missing accounts of open holds are unpacked once for all rows; IS TRUE
-- makes the planner, who takes them for ten, look them up in a hash.
WITH held AS MATERIALIZED (
    SELECT h.instance_id, m.identity, h.last_seen_at
    FROM account_holds h CROSS JOIN LATERAL unnest(h.missing) AS m (identity)
    WHERE h.status = 'open' AND h.instance_id IN (SELECT p.instance_id FROM accounts p WHERE p.id = ANY(@ids::bigint[]))
      AND (m.identity IN (SELECT p.identity FROM accounts p WHERE p.id = ANY(@ids::bigint[]))) IS TRUE
)
SELECT a.id, a.instance_id, i.name AS instance_name, a.identity, a.name, a.host, a.kind, a.system, a.can_login, a.superuser, a.locked,
    a.valid_until, jsonb_array_length(a.memberships)::integer AS memberships, jsonb_array_length(a.grants)::integer AS grants,
    a.first_seen_at, COALESCE(a.last_seen_at, h.last_seen_at, l.synced_at, a.first_seen_at)::timestamptz AS last_seen_at,
    a.deleted_at
FROM accounts a
JOIN instances i ON i.id = a.instance_id
LEFT JOIN last_syncs l ON l.instance_id = a.instance_id AND l.sync_category = 'account'
LEFT JOIN held h ON h.instance_id = a.instance_id AND h.identity = a.identity
WHERE a.id = ANY(@ids::bigint[])
ORDER BY a.name, a.id;

-- name: GetAccount :one
SELECT a.id, a.instance_id, i.name AS instance_name, a.first_seen_at,
    COALESCE(a.last_seen_at, CASE WHEN a.identity = ANY(h.missing) THEN h.last_seen_at END, l.synced_at, a.first_seen_at)::timestamptz AS last_seen_at,
    a.deleted_at, a.replaced_at,
    jsonb_build_object('identity', a.identity, 'name', a.name, 'host', a.host, 'kind', a.kind, 'system', a.system,
        'can_login', a.can_login, 'superuser', a.superuser, 'valid_until', a.valid_until, 'attributes', a.attributes,
        'memberships', a.memberships, 'grants', a.grants)::text AS state
FROM accounts a
JOIN instances i ON i.id = a.instance_id
LEFT JOIN last_syncs l ON l.instance_id = a.instance_id AND l.sync_category = 'account'
LEFT JOIN account_holds h ON h.instance_id = a.instance_id AND h.status = 'open'
WHERE a.id = @id;

-- name: NamesOfIdentities :many
-- Of the present server, or of the one that was replaced then: each half has an
-- index of its own, and only one of them is asked.
SELECT a.identity, a.name FROM accounts a
WHERE a.instance_id = @instance_id AND a.identity = ANY(@identities::text[])
  AND sqlc.narg('replaced_at')::timestamptz IS NULL AND a.replaced_at IS NULL
UNION ALL
SELECT p.identity, p.name FROM accounts p
WHERE p.instance_id = @instance_id AND p.identity = ANY(@identities::text[])
  AND p.replaced_at = sqlc.narg('replaced_at')::timestamptz;

-- name: AccountEra :one
SELECT instance_id, replaced_at FROM accounts WHERE id = @id;

-- name: AccountVersions :many
SELECT id, account_id, change, valid_from, valid_to, COALESCE(state::text, '')::text AS state, diff, record_id, session_id
FROM account_versions
WHERE account_id = @account_id AND (sqlc.narg('before_id')::bigint IS NULL OR id < sqlc.narg('before_id'))
ORDER BY id DESC
LIMIT @max_rows;

-- name: AccountStateAt :one
-- NULL, or no row, when the account was not there.
SELECT COALESCE(state::text, '')::text AS state
FROM account_versions
WHERE account_id = @account_id AND valid_from <= @at AND (valid_to IS NULL OR valid_to > @at)
ORDER BY id DESC
LIMIT 1;

-- name: ReachableAccounts :many
-- The account and every role that it may reach, with everybody's, as they were;
-- without grants and attributes, which the way does not need.
WITH RECURSIVE reach AS (
    SELECT unnest(ARRAY[@identity::text, 'public']) AS identity
    UNION
    SELECT m->>'role'
    FROM reach r
    CROSS JOIN LATERAL (
        SELECT a.id FROM accounts a
        WHERE a.instance_id = @instance_id AND a.identity = r.identity
          AND sqlc.narg('replaced_at')::timestamptz IS NULL AND a.replaced_at IS NULL
        UNION ALL
        SELECT p.id FROM accounts p
        WHERE p.instance_id = @instance_id AND p.identity = r.identity
          AND p.replaced_at = sqlc.narg('replaced_at')::timestamptz
    ) one
    JOIN account_versions v ON v.account_id = one.id AND v.valid_from <= @at AND (v.valid_to IS NULL OR v.valid_to > @at)
        AND v.state IS NOT NULL
    CROSS JOIN LATERAL jsonb_array_elements(v.state->'memberships') m
)
SELECT (v.state - 'grants' - 'attributes')::text AS state
FROM reach r
CROSS JOIN LATERAL (
    SELECT a.id FROM accounts a
    WHERE a.instance_id = @instance_id AND a.identity = r.identity
      AND sqlc.narg('replaced_at')::timestamptz IS NULL AND a.replaced_at IS NULL
    UNION ALL
    SELECT p.id FROM accounts p
    WHERE p.instance_id = @instance_id AND p.identity = r.identity
      AND p.replaced_at = sqlc.narg('replaced_at')::timestamptz
) one
JOIN account_versions v ON v.account_id = one.id AND v.valid_from <= @at AND (v.valid_to IS NULL OR v.valid_to > @at)
    AND v.state IS NOT NULL;

-- name: InstanceKnown :one
SELECT EXISTS (SELECT 1 FROM instances WHERE id = @id);

-- name: PairsOfMoments :many
-- Accounts of an instance that were other at the second moment than at the
-- first. Only the states of those that have another version are read.
WITH before AS (
    SELECT v.account_id, v.id FROM account_versions v
    WHERE v.instance_id = @instance_id AND v.valid_from <= @from_time AND (v.valid_to IS NULL OR v.valid_to > @from_time) AND v.state IS NOT NULL
), after AS (
    SELECT v.account_id, v.id FROM account_versions v
    WHERE v.instance_id = @instance_id AND v.valid_from <= @to_time AND (v.valid_to IS NULL OR v.valid_to > @to_time) AND v.state IS NOT NULL
), moved AS (
    SELECT COALESCE(x.account_id, y.account_id) AS account_id, x.id AS old_id, y.id AS new_id
    FROM before x FULL JOIN after y ON y.account_id = x.account_id
    WHERE x.id IS DISTINCT FROM y.id
), pairs AS (
    SELECT m.account_id, COALESCE(o.state, n.state)->>'name' AS name, o.state AS old_state, n.state AS new_state
    FROM moved m
    LEFT JOIN account_versions o ON o.id = m.old_id
    LEFT JOIN account_versions n ON n.id = m.new_id
    WHERE o.state IS DISTINCT FROM n.state
)
SELECT p.name::text AS name, p.account_id, a.replaced_at, COALESCE(p.old_state::text, '')::text AS old_state,
    COALESCE(p.new_state::text, '')::text AS new_state
FROM pairs p
JOIN accounts a ON a.id = p.account_id
WHERE (p.name, p.account_id) > (@after_name::text, @after_id::bigint)
ORDER BY p.name, p.account_id
LIMIT @max_rows;

-- name: PairsOfInstances :many
-- Accounts of two instances, put together by name and host. Everybody is nobody
-- of that name.
WITH one AS (
    SELECT v.account_id, v.state, v.state->>'name' AS name, COALESCE(v.state->>'host', '') AS host, v.state->>'kind' = 'public' AS everybody
    FROM account_versions v
    WHERE v.instance_id = @instance_id AND v.valid_from <= @at AND (v.valid_to IS NULL OR v.valid_to > @at) AND v.state IS NOT NULL
), other AS (
    SELECT v.account_id, v.state, v.state->>'name' AS name, COALESCE(v.state->>'host', '') AS host, v.state->>'kind' = 'public' AS everybody
    FROM account_versions v
    WHERE v.instance_id = @other_id AND v.valid_from <= @at AND (v.valid_to IS NULL OR v.valid_to > @at) AND v.state IS NOT NULL
), pairs AS (
    SELECT COALESCE(x.name, y.name) AS name, COALESCE(x.account_id, 0) AS one_id, COALESCE(y.account_id, 0) AS other_id, x.state AS one_state, y.state AS other_state,
        COALESCE(x.account_id, y.account_id) AS place
    FROM one x FULL JOIN other y ON y.name = x.name AND y.host = x.host AND y.everybody = x.everybody
)
SELECT p.name::text AS name, p.place::bigint AS place, p.one_id::bigint AS one_id, p.other_id::bigint AS other_id,
    COALESCE(p.one_state::text, '')::text AS one_state, COALESCE(p.other_state::text, '')::text AS other_state
FROM pairs p
WHERE (p.name, p.place) > (@after_name::text, @after_id::bigint)
ORDER BY p.name, p.place
LIMIT @max_rows;

-- name: NamesAt :many
SELECT (v.state->>'identity')::text AS identity, (v.state->>'name')::text AS name, COALESCE(v.state->>'host', '')::text AS host
FROM account_versions v
WHERE v.instance_id = @instance_id AND v.valid_from <= @at AND (v.valid_to IS NULL OR v.valid_to > @at) AND v.state IS NOT NULL;
