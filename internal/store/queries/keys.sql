-- name: KeyUses :many
SELECT k.key_id::text AS key_id, count(c.id)::integer AS credentials, r.retired_at
FROM (SELECT key_id FROM credentials UNION SELECT key_id FROM retired_keys) AS k
LEFT JOIN credentials c ON c.key_id = k.key_id
LEFT JOIN retired_keys r ON r.key_id = k.key_id
GROUP BY k.key_id, r.retired_at
ORDER BY k.key_id;

-- name: SealedForOthers :many
SELECT id, name, version, key_id, sealed FROM credentials
WHERE key_id <> @key_id AND id > @after
ORDER BY id
LIMIT @row_limit;

-- A password that was changed meanwhile has another version or other bytes,
-- and wins. updated_at stays: nothing that people see has changed.
-- name: ResealCredential :execrows
UPDATE credentials SET sealed = @sealed, key_id = @key_id
WHERE id = @id AND version = @version AND key_id = @old_key_id AND sealed = @old_sealed;

-- name: KeyRetired :one
SELECT EXISTS (SELECT 1 FROM retired_keys WHERE key_id = @key_id);

-- Waits for those who write credentials, and makes later ones wait for the
-- retirement, which they then see.
-- name: LockCredentials :exec
LOCK TABLE credentials IN SHARE ROW EXCLUSIVE MODE;

-- name: CredentialsOfKey :many
SELECT id, name FROM credentials WHERE key_id = @key_id ORDER BY id;

-- name: RetireKey :execrows
INSERT INTO retired_keys (key_id) VALUES (@key_id) ON CONFLICT DO NOTHING;
