-- Misses count as two in a row only with some time between them, and what a worker
-- has waiting has not been lost.

-- +goose Up
ALTER TABLE sync_instance_records ADD COLUMN bell_at timestamptz; -- last missed, or named by a worker

-- +goose Down
ALTER TABLE sync_instance_records DROP COLUMN bell_at;
