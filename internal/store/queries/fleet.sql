-- name: InsertInstance :one
INSERT INTO instances (name, engine, host, port, database, credential_id, tls_mode, tls_ca, tls_server_name, host_key, active)
VALUES (@name, @engine, @host, @port, @database, @credential_id::bigint, @tls_mode, @tls_ca, @tls_server_name, @host_key, @active)
RETURNING id;

-- name: GetInstance :one
SELECT sqlc.embed(i),
       ARRAY(SELECT t.tag FROM instance_tags t WHERE t.instance_id = i.id ORDER BY t.tag)::text[] AS tags
FROM instances i
WHERE i.id = @id AND i.deleted_at IS NULL;

-- name: LockInstance :one
SELECT id FROM instances WHERE id = @id AND deleted_at IS NULL FOR UPDATE;

-- name: ListInstances :many
SELECT sqlc.embed(i),
       ARRAY(SELECT t.tag FROM instance_tags t WHERE t.instance_id = i.id ORDER BY t.tag)::text[] AS tags
FROM instances i
WHERE (i.deleted_at IS NOT NULL) = @deleted::boolean AND i.id > @after
  AND (sqlc.narg(credential_id)::bigint IS NULL OR i.credential_id = sqlc.narg(credential_id)::bigint)
  AND (sqlc.narg(engine)::text IS NULL OR i.engine = sqlc.narg(engine)::text)
  AND (sqlc.narg(active)::boolean IS NULL OR i.active = sqlc.narg(active)::boolean)
  AND (sqlc.narg(tls_mode)::text IS NULL OR i.tls_mode = sqlc.narg(tls_mode)::text)
  AND (@name::text = '' OR position(lower(@name::text) IN lower(i.name)) > 0)
  AND (@exact_name::text = '' OR i.name = @exact_name::text)
  AND (@tag::text = '' OR EXISTS (SELECT 1 FROM instance_tags t WHERE t.instance_id = i.id AND t.tag = @tag::text))
ORDER BY i.id
LIMIT @row_limit;

-- name: UpdateInstance :exec
UPDATE instances
SET name = @name, engine = @engine, host = @host, port = @port, database = @database, credential_id = @credential_id::bigint,
    tls_mode = @tls_mode, tls_ca = @tls_ca, tls_server_name = @tls_server_name, host_key = @host_key, active = @active,
    updated_at = now()
WHERE id = @id;

-- name: RemoveInstance :execrows
UPDATE instances SET deleted_at = now(), active = false, updated_at = now() WHERE id = @id AND deleted_at IS NULL;

-- name: InstanceHasRecords :one
-- Or had some, which were too old to be kept.
SELECT (EXISTS (SELECT 1 FROM sync_instance_records r WHERE r.instance_id = @id)
    OR EXISTS (SELECT 1 FROM last_syncs l WHERE l.instance_id = @id))::boolean AS had;

-- name: AddTags :exec
INSERT INTO instance_tags (instance_id, tag) SELECT @instance_id, unnest(@tags::text[]);

-- name: RemoveTags :exec
DELETE FROM instance_tags WHERE instance_id = @instance_id;

-- name: LockWaitingRecords :exec
SELECT 1 FROM sync_instance_records WHERE instance_id = @instance_id AND status = 'pending' ORDER BY id FOR UPDATE;

-- name: RedirectWaitingRecords :exec
UPDATE sync_instance_records r
SET credential_id = i.credential_id, host_key = i.host_key,
    lane = CASE WHEN r.host_key = i.host_key THEN r.lane ELSE 0 END,
    contact = CASE WHEN r.host_key = i.host_key THEN r.contact ELSE 'unknown' END
FROM instances i
WHERE i.id = @instance_id AND r.instance_id = i.id AND r.status = 'pending' AND i.credential_id IS NOT NULL
  AND (r.credential_id, r.host_key) IS DISTINCT FROM (i.credential_id, i.host_key);

-- name: DeletedInstance :one
SELECT sqlc.embed(i),
       ARRAY(SELECT t.tag FROM instance_tags t WHERE t.instance_id = i.id ORDER BY t.tag)::text[] AS tags
FROM instances i
WHERE i.id = @id AND i.deleted_at IS NOT NULL;

-- name: LockDeletedInstance :one
SELECT (deleted_at IS NOT NULL)::boolean AS deleted FROM instances WHERE id = @id FOR UPDATE;

-- name: RestoreInstance :exec
UPDATE instances
SET deleted_at = NULL, name = @name, credential_id = @credential_id::bigint, active = @active, updated_at = now()
WHERE id = @id;

-- name: ListTags :many
SELECT t.tag, count(*)::integer AS instances
FROM instance_tags t
JOIN instances i ON i.id = t.instance_id
WHERE i.deleted_at IS NULL AND t.tag > @after::text
GROUP BY t.tag
ORDER BY t.tag
LIMIT @row_limit;
