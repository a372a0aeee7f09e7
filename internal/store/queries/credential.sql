-- name: NextCredentialID :one
SELECT nextval(pg_get_serial_sequence('credentials', 'id'))::bigint;

-- name: InsertCredential :exec
INSERT INTO credentials (id, name, username, sealed, key_id)
VALUES (@id, @name, @username, @sealed, @key_id);

-- name: GetCredential :one
SELECT c.id, c.name, c.username, c.key_id, c.version, c.created_at, c.updated_at,
       (SELECT count(*) FROM instances i WHERE i.credential_id = c.id AND i.deleted_at IS NULL)::integer AS instances
FROM credentials c
WHERE c.id = @id;

-- name: ListCredentials :many
SELECT c.id, c.name, c.username, c.key_id, c.version, c.created_at, c.updated_at,
       (SELECT count(*) FROM instances i WHERE i.credential_id = c.id AND i.deleted_at IS NULL)::integer AS instances
FROM credentials c
WHERE c.id > @after AND (@exact_name::text = '' OR c.name = @exact_name::text)
ORDER BY c.id
LIMIT @row_limit;

-- name: LockCredential :one
SELECT name, username, sealed, key_id, version, id FROM credentials WHERE id = @id FOR UPDATE;

-- name: UpdateCredential :exec
UPDATE credentials
SET name = @name, username = @username, sealed = @sealed, key_id = @key_id, version = @version, updated_at = now()
WHERE id = @id;

-- name: ForgetCredential :exec
UPDATE instances SET credential_id = NULL WHERE credential_id = @id::bigint AND deleted_at IS NOT NULL;

-- name: DeleteCredential :execrows
DELETE FROM credentials WHERE id = @id;
