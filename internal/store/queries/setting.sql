-- name: ListSettings :many
SELECT key, value, updated_at, updated_by FROM settings ORDER BY key;

-- name: LockSetting :one
SELECT value FROM settings WHERE key = @key FOR UPDATE;

-- name: UpsertSetting :exec
INSERT INTO settings (key, value, updated_by) VALUES (@key, @value, @updated_by)
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, updated_at = now(), updated_by = EXCLUDED.updated_by;
