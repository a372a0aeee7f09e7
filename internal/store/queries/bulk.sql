-- BulkTargets finds what a bulk change would change, BulkLock locks it in one
-- order for all, and each change looks again: what was changed in between is
-- not counted.

-- name: BulkTargets :many
SELECT i.id
FROM instances i
WHERE i.deleted_at IS NULL
  AND (cardinality(@ids::bigint[]) = 0 OR i.id = ANY (@ids::bigint[]))
  AND (cardinality(@names::text[]) = 0 OR i.name = ANY (@names::text[]))
  AND (cardinality(@engines::text[]) = 0 OR i.engine = ANY (@engines::text[]))
  AND (cardinality(@tags::text[]) = 0 OR EXISTS (
      SELECT 1 FROM instance_tags t WHERE t.instance_id = i.id AND t.tag = ANY (@tags::text[])))
  AND CASE @action::text
      WHEN 'activate' THEN NOT i.active
      WHEN 'deactivate' THEN i.active
      ELSE (SELECT count(*) FROM instance_tags t WHERE t.instance_id = i.id AND t.tag = ANY (@change::text[]))
          BETWEEN CASE @action::text WHEN 'remove_tags' THEN 1 ELSE 0 END
              AND cardinality(@change::text[]) - CASE @action::text WHEN 'add_tags' THEN 1 ELSE 0 END
      END
ORDER BY i.id;

-- name: BulkLock :many
SELECT id FROM instances WHERE id = ANY (@ids::bigint[]) AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE;

-- name: BulkSetActive :execrows
UPDATE instances SET active = @active, updated_at = now() WHERE id = ANY (@ids::bigint[]) AND active <> @active;

-- name: BulkAddTags :execrows
WITH added AS (
    INSERT INTO instance_tags (instance_id, tag)
    SELECT id, tag FROM unnest(@ids::bigint[]) AS id, unnest(@tags::text[]) AS tag
    ON CONFLICT DO NOTHING
    RETURNING instance_id
)
UPDATE instances i SET updated_at = now() WHERE i.id IN (SELECT instance_id FROM added);

-- name: BulkRemoveTags :execrows
WITH removed AS (
    DELETE FROM instance_tags WHERE instance_id = ANY (@ids::bigint[]) AND tag = ANY (@tags::text[])
    RETURNING instance_id
)
UPDATE instances i SET updated_at = now() WHERE i.id IN (SELECT instance_id FROM removed);

-- Counted in one pass: a count per instance is quadratic when the planner knows
-- too little of the tags.
-- name: OverTagged :one
SELECT i.name FROM instances i
WHERE i.id = (
    SELECT t.instance_id FROM instance_tags t
    WHERE t.instance_id = ANY (@ids::bigint[])
    GROUP BY t.instance_id
    HAVING count(*) > @most::integer
    ORDER BY t.instance_id
    LIMIT 1);

-- name: UnknownInstanceIDs :many
SELECT DISTINCT wanted.id::bigint AS id
FROM unnest(@ids::bigint[]) AS wanted (id)
WHERE NOT EXISTS (SELECT 1 FROM instances i WHERE i.id = wanted.id AND i.deleted_at IS NULL)
ORDER BY id;

-- name: UnknownInstanceNames :many
SELECT DISTINCT wanted.name::text AS name
FROM unnest(@names::text[]) AS wanted (name)
WHERE NOT EXISTS (SELECT 1 FROM instances i WHERE i.name = wanted.name AND i.deleted_at IS NULL)
ORDER BY name;
