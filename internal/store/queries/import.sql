-- Shared, so that a credential is not removed before its instances are there.
-- name: CredentialsNamed :many
SELECT id, name FROM credentials WHERE name = ANY (@names::text[]) ORDER BY id FOR KEY SHARE;

-- name: CredentialNames :many
SELECT id, name FROM credentials WHERE id = ANY (@ids::bigint[]);

-- name: TakenNames :many
SELECT name FROM instances WHERE deleted_at IS NULL AND name = ANY (@names::text[]) ORDER BY name COLLATE "C";

-- A name that somebody has taken since TakenNames is not returned.
-- name: ImportInstances :many
INSERT INTO instances (name, engine, host, port, database, credential_id, tls_mode, tls_ca, tls_server_name, host_key, active)
SELECT unnest(@names::text[]), unnest(@engines::text[]), unnest(@hosts::text[]), unnest(@ports::integer[]), unnest(@databases::text[]),
    unnest(@credential_ids::bigint[]), unnest(@tls_modes::text[]), unnest(@tls_cas::text[]), unnest(@tls_server_names::text[]),
    unnest(@host_keys::text[]), unnest(@actives::boolean[])
ON CONFLICT (name) WHERE deleted_at IS NULL DO NOTHING
RETURNING id, name;

-- name: ImportTags :exec
INSERT INTO instance_tags (instance_id, tag) SELECT unnest(@ids::bigint[]), unnest(@tags::text[]);

-- Autovacuum looks only later, or at a moment when none of the rows counted:
-- until then the next statements over all instances are planned for none.
-- name: AnalyzeInstances :exec
ANALYZE instances, instance_tags;
