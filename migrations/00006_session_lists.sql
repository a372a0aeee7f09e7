-- +goose Up

-- The kind of the last failure: a hash of code, phase and normalised message,
-- made by package session. Empty without a failure, and of records that failed
-- before this migration: these are grouped by their code alone.
ALTER TABLE sync_instance_records ADD COLUMN error_fingerprint varchar(16) NOT NULL DEFAULT '';

CREATE INDEX records_errors ON sync_instance_records (session_id, error_code, error_fingerprint, id) WHERE status = 'failed';
-- A record comes into it with the end of its first attempt, mostly once.
CREATE INDEX records_duration ON sync_instance_records (session_id, duration_ms, id) WHERE duration_ms IS NOT NULL;
CREATE INDEX sync_sessions_started ON sync_sessions (started_at, id);

-- +goose Down
DROP INDEX sync_sessions_started;
DROP INDEX records_duration;
DROP INDEX records_errors;
ALTER TABLE sync_instance_records DROP COLUMN error_fingerprint;
