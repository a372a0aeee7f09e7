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

-- name: EnsureUser :one
INSERT INTO users (name, role) VALUES (@name, @role)
ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name
RETURNING id, role;

-- name: NextTokenID :one
SELECT nextval(pg_get_serial_sequence('api_tokens', 'id'))::bigint;

-- name: InsertToken :exec
INSERT INTO api_tokens (id, user_id, name, hash, expires_at)
VALUES (@id, @user_id, @name, @hash, sqlc.narg(expires_at));
