-- +goose Up

-- The accounts of servers that others have replaced, for the names in their
-- history. accounts_identity holds the present ones.
CREATE INDEX accounts_past ON accounts (instance_id, identity) WHERE replaced_at IS NOT NULL;

-- +goose Down
DROP INDEX accounts_past;
