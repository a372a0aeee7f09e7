-- name: TokenOwner :one
SELECT t.id AS token_id, u.id, u.name, u.role,
       (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute')::boolean AS stale
FROM api_tokens t
JOIN users u ON u.id = t.user_id
WHERE t.hash = @hash AND t.revoked_at IS NULL AND u.disabled_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > now());

-- name: TouchToken :exec
UPDATE api_tokens SET last_used_at = now()
WHERE id = @id AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');

-- name: InsertUser :one
-- No row when the name is taken.
INSERT INTO users (name, role) VALUES (@name, @role)
ON CONFLICT (name) DO NOTHING
RETURNING id;

-- name: LockUserNamed :one
SELECT id, name, role, disabled_at FROM users WHERE name = @name FOR UPDATE;

-- name: LockUser :one
SELECT id, name, role, disabled_at FROM users WHERE id = @id AND id > 0 FOR UPDATE;

-- name: LockUserAndAdmins :many
-- In the order of ids, so that two changes at once wait for each other and
-- each sees what the other has left.
SELECT id, name, role, disabled_at FROM users
WHERE id > 0 AND (id = @id OR (role = 'admin' AND disabled_at IS NULL))
ORDER BY id
FOR UPDATE;

-- name: UpdateUser :exec
UPDATE users
SET role = @role,
    disabled_at = CASE WHEN @disabled::boolean THEN COALESCE(disabled_at, now()) END
WHERE id = @id;

-- name: GetUser :one
SELECT u.id, u.name, u.role, u.created_at, u.disabled_at, l.last_used_at
FROM users u
LEFT JOIN api_tokens l ON l.id = (
    SELECT t.id FROM api_tokens t WHERE t.user_id = u.id ORDER BY t.last_used_at DESC NULLS LAST LIMIT 1)
WHERE u.id = @id AND u.id > 0;

-- name: ListUsers :many
SELECT u.id, u.name, u.role, u.created_at, u.disabled_at, l.last_used_at
FROM users u
LEFT JOIN api_tokens l ON l.id = (
    SELECT t.id FROM api_tokens t WHERE t.user_id = u.id ORDER BY t.last_used_at DESC NULLS LAST LIMIT 1)
WHERE u.id > GREATEST(@after::bigint, 0)
  AND (sqlc.narg(name)::text IS NULL OR u.name = sqlc.narg(name))
  AND (sqlc.narg(role)::text IS NULL OR u.role = sqlc.narg(role))
  AND (sqlc.narg(disabled)::boolean IS NULL OR (u.disabled_at IS NOT NULL) = sqlc.narg(disabled))
ORDER BY u.id
LIMIT @row_limit;

-- name: NextTokenID :one
SELECT nextval(pg_get_serial_sequence('api_tokens', 'id'))::bigint;

-- name: IsFuture :one
SELECT (@moment::timestamptz > now())::boolean;

-- name: InsertToken :exec
INSERT INTO api_tokens (id, user_id, name, hash, expires_at)
VALUES (@id, @user_id, @name, @hash, sqlc.narg(expires_at));

-- name: GetToken :one
SELECT t.id, t.user_id, u.name AS user_name, t.name, t.created_at, t.expires_at, t.last_used_at, t.revoked_at
FROM api_tokens t
JOIN users u ON u.id = t.user_id
WHERE t.id = @id;

-- name: ListTokens :many
SELECT t.id, t.user_id, u.name AS user_name, t.name, t.created_at, t.expires_at, t.last_used_at, t.revoked_at
FROM api_tokens t
JOIN users u ON u.id = t.user_id
WHERE t.id > @after::bigint
  AND (sqlc.narg(user_id)::bigint IS NULL OR t.user_id = sqlc.narg(user_id))
ORDER BY t.id
LIMIT @row_limit;

-- name: RevokeToken :execrows
UPDATE api_tokens SET revoked_at = now()
WHERE id = @id AND revoked_at IS NULL
  AND (sqlc.narg(user_id)::bigint IS NULL OR user_id = sqlc.narg(user_id));
