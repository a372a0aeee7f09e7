-- +goose Up

-- What a list of accounts filters by stands in its index, so that looking for
-- few of many accounts does not read the wide rows of all.
-- Adding columns writes the table anew; nobody reads or writes it meanwhile.
ALTER TABLE accounts
    ADD COLUMN folded text NOT NULL GENERATED ALWAYS AS (lower(name)) STORED,
    ADD COLUMN locked boolean NOT NULL GENERATED ALWAYS AS (kind = 'user' AND attributes @> '{"locked": true}') STORED;
DROP INDEX accounts_name;
DROP INDEX accounts_locked;
CREATE INDEX accounts_list ON accounts (name, id)
    INCLUDE (folded, instance_id, kind, system, can_login, superuser, locked, deleted_at);
CREATE INDEX accounts_locked ON accounts (name, id) WHERE locked;

-- What is granted, with the instance: those of few instances that have a
-- privilege are found without a walk through everybody who has it. The copy
-- needs room for a second table meanwhile.
DROP FUNCTION grants_of(bigint, text, jsonb);
ALTER TABLE account_grants RENAME TO former_grants;
DROP INDEX account_grants_privilege, account_grants_object, account_grants_database, account_grants_account;
CREATE TABLE account_grants (
    account_id  bigint NOT NULL,
    instance_id bigint NOT NULL,
    name        text NOT NULL, -- of the account
    privilege   text NOT NULL,
    type        text NOT NULL,
    database    text NOT NULL,
    schema      text NOT NULL,
    object      text NOT NULL,
    col         text NOT NULL
);
INSERT INTO account_grants
SELECT f.account_id, a.instance_id, f.name, f.privilege, f.type, f.database, f.schema, f.object, f.col
FROM former_grants f JOIN accounts a ON a.id = f.account_id;
DROP TABLE former_grants;
CREATE INDEX account_grants_privilege ON account_grants (privilege, name, account_id);
CREATE INDEX account_grants_object ON account_grants (object, name, account_id);
CREATE INDEX account_grants_database ON account_grants (database, name, account_id) WHERE database <> '';
CREATE INDEX account_grants_account ON account_grants (account_id);
CREATE INDEX account_grants_instance ON account_grants (instance_id, privilege, name, account_id);

-- +goose StatementBegin
CREATE FUNCTION grants_of(account_id bigint, instance_id bigint, name text, grants jsonb) RETURNS SETOF account_grants
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT $1, $2, $3, left(p, 200), left(g->>'type', 200), left(COALESCE(g->>'database', ''), 200),
        left(COALESCE(g->>'schema', ''), 200), left(COALESCE(g->>'object', ''), 200), left(COALESCE(g->>'column', ''), 200)
    FROM jsonb_array_elements($4) AS g
    CROSS JOIN LATERAL jsonb_array_elements_text(g->'privileges') AS p
    WHERE COALESCE(g->>'effect', '') = ''
$$;

CREATE OR REPLACE FUNCTION add_account_grants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account_grants SELECT g.* FROM new_rows n CROSS JOIN LATERAL grants_of(n.id, n.instance_id, n.name, n.grants) g;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION change_account_grants() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed bigint[] := ARRAY(
        SELECT n.id FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE n.name IS DISTINCT FROM o.name OR n.grants IS DISTINCT FROM o.grants);
BEGIN
    IF cardinality(changed) > 0 THEN
        DELETE FROM account_grants WHERE account_id = ANY(changed);
        INSERT INTO account_grants
        SELECT g.* FROM new_rows n CROSS JOIN LATERAL grants_of(n.id, n.instance_id, n.name, n.grants) g WHERE n.id = ANY(changed);
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION grants_of(bigint, bigint, text, jsonb);
DROP INDEX account_grants_instance;
ALTER TABLE account_grants DROP COLUMN instance_id;

-- +goose StatementBegin
CREATE FUNCTION grants_of(account_id bigint, name text, grants jsonb) RETURNS SETOF account_grants
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT $1, $2, left(p, 200), left(g->>'type', 200), left(COALESCE(g->>'database', ''), 200),
        left(COALESCE(g->>'schema', ''), 200), left(COALESCE(g->>'object', ''), 200), left(COALESCE(g->>'column', ''), 200)
    FROM jsonb_array_elements($3) AS g
    CROSS JOIN LATERAL jsonb_array_elements_text(g->'privileges') AS p
    WHERE COALESCE(g->>'effect', '') = ''
$$;

CREATE OR REPLACE FUNCTION add_account_grants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account_grants SELECT g.* FROM new_rows n CROSS JOIN LATERAL grants_of(n.id, n.name, n.grants) g;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION change_account_grants() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed bigint[] := ARRAY(
        SELECT n.id FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE n.name IS DISTINCT FROM o.name OR n.grants IS DISTINCT FROM o.grants);
BEGIN
    IF cardinality(changed) > 0 THEN
        DELETE FROM account_grants WHERE account_id = ANY(changed);
        INSERT INTO account_grants
        SELECT g.* FROM new_rows n CROSS JOIN LATERAL grants_of(n.id, n.name, n.grants) g WHERE n.id = ANY(changed);
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

DROP INDEX accounts_locked;
DROP INDEX accounts_list;
ALTER TABLE accounts DROP COLUMN locked, DROP COLUMN folded;
CREATE INDEX accounts_name ON accounts (name, id);
CREATE INDEX accounts_locked ON accounts (name, id) WHERE kind = 'user' AND attributes @> '{"locked": true}';
