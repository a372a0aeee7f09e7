-- name: LockInstanceServer :one
SELECT identity FROM instances WHERE id = @id FOR NO KEY UPDATE;

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

-- name: ListAccounts :many
SELECT a.id, a.instance_id, i.name AS instance_name, a.identity, a.name, a.host, a.kind, a.system, a.can_login, a.superuser,
    a.valid_until, jsonb_array_length(a.memberships)::integer AS memberships, jsonb_array_length(a.grants)::integer AS grants,
    a.first_seen_at,
    COALESCE(a.last_seen_at, CASE WHEN a.identity = ANY(h.missing) THEN h.last_seen_at END, l.synced_at, a.first_seen_at)::timestamptz AS last_seen_at,
    a.deleted_at
FROM accounts a
JOIN instances i ON i.id = a.instance_id
LEFT JOIN last_syncs l ON l.instance_id = a.instance_id AND l.sync_category = 'account'
LEFT JOIN account_holds h ON h.instance_id = a.instance_id AND h.status = 'open'
WHERE (a.name, a.id) > (@after_name::text, @after_id::bigint)
  AND (sqlc.narg('instance_id')::bigint IS NULL OR a.instance_id = sqlc.narg('instance_id'))
  AND (sqlc.narg('name')::text IS NULL OR a.name = sqlc.narg('name'))
  AND (sqlc.narg('pattern')::text IS NULL OR a.name ILIKE sqlc.narg('pattern'))
  AND (sqlc.narg('kind')::text IS NULL OR a.kind = sqlc.narg('kind'))
  AND (sqlc.narg('superuser')::boolean IS NULL OR a.superuser = sqlc.narg('superuser'))
  AND (@deleted::boolean OR a.deleted_at IS NULL AND i.deleted_at IS NULL)
ORDER BY a.name, a.id
LIMIT @max_rows;

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
SELECT identity, name FROM accounts
WHERE instance_id = @instance_id AND replaced_at IS NOT DISTINCT FROM sqlc.narg('replaced_at')::timestamptz
  AND identity = ANY(@identities::text[]);

-- name: AccountEra :one
SELECT instance_id, replaced_at FROM accounts WHERE id = @id;

-- name: AccountVersions :many
SELECT id, account_id, change, valid_from, valid_to, COALESCE(state::text, '')::text AS state, diff, record_id, session_id
FROM account_versions
WHERE account_id = @account_id AND (sqlc.narg('before_id')::bigint IS NULL OR id < sqlc.narg('before_id'))
ORDER BY id DESC
LIMIT @max_rows;
