-- +goose Up

-- What each account may do, one row per privilege and object, so that a search
-- by privilege or object reads accounts in the order of a list. The triggers
-- below keep it, whatever writes accounts; it is read and never written by hand.
-- A foreign key would cost a look-up per row. Texts are cut to what an index
-- takes; '' stands for none. Grants that were revoked or denied are not here.
CREATE TABLE account_grants (
    account_id bigint NOT NULL,
    name       text NOT NULL, -- of the account
    privilege  text NOT NULL,
    type       text NOT NULL,
    database   text NOT NULL,
    schema     text NOT NULL,
    object     text NOT NULL,
    col        text NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION grants_of(account_id bigint, name text, grants jsonb) RETURNS SETOF account_grants
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT $1, $2, left(p, 200), left(g->>'type', 200), left(COALESCE(g->>'database', ''), 200),
        left(COALESCE(g->>'schema', ''), 200), left(COALESCE(g->>'object', ''), 200), left(COALESCE(g->>'column', ''), 200)
    FROM jsonb_array_elements($3) AS g
    CROSS JOIN LATERAL jsonb_array_elements_text(g->'privileges') AS p
    WHERE COALESCE(g->>'effect', '') = ''
$$;

CREATE FUNCTION add_account_grants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account_grants SELECT g.* FROM new_rows n CROSS JOIN LATERAL grants_of(n.id, n.name, n.grants) g;
    RETURN NULL;
END
$$;

CREATE FUNCTION change_account_grants() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE FUNCTION remove_account_grants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM account_grants WHERE account_id IN (SELECT id FROM old_rows);
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- No account is written between the copy and the triggers.
LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO account_grants SELECT g.* FROM accounts a CROSS JOIN LATERAL grants_of(a.id, a.name, a.grants) g;
CREATE INDEX account_grants_privilege ON account_grants (privilege, name, account_id);
CREATE INDEX account_grants_object ON account_grants (object, name, account_id);
CREATE INDEX account_grants_database ON account_grants (database, name, account_id) WHERE database <> '';
CREATE INDEX account_grants_account ON account_grants (account_id);

-- Few accounts are superusers or locked.
CREATE INDEX accounts_superuser ON accounts (name, id) WHERE superuser;
CREATE INDEX accounts_locked ON accounts (name, id) WHERE kind = 'user' AND attributes @> '{"locked": true}';

CREATE TRIGGER accounts_grants_added AFTER INSERT ON accounts
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION add_account_grants();
CREATE TRIGGER accounts_grants_changed AFTER UPDATE ON accounts
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION change_account_grants();
CREATE TRIGGER accounts_grants_removed AFTER DELETE ON accounts
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION remove_account_grants();

-- +goose Down
DROP INDEX accounts_superuser;
DROP INDEX accounts_locked;
DROP TRIGGER accounts_grants_added ON accounts;
DROP TRIGGER accounts_grants_changed ON accounts;
DROP TRIGGER accounts_grants_removed ON accounts;
DROP FUNCTION add_account_grants();
DROP FUNCTION change_account_grants();
DROP FUNCTION remove_account_grants();
DROP FUNCTION grants_of(bigint, text, jsonb);
DROP TABLE account_grants;
