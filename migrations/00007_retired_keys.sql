-- +goose Up

-- Keys that no worker has any longer: nothing may be sealed for them again.
CREATE TABLE retired_keys (
    key_id     text PRIMARY KEY CHECK (key_id ~ '^[0-9a-f]{16}$'),
    retired_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down

DROP TABLE retired_keys;
