-- A status change writes every index whose condition the new row meets. What
-- these three served is found in records_busy and records_one_running:
-- both hold only what is under way.

-- +goose Up
DROP INDEX records_deadline;
DROP INDEX records_busy_host;
DROP INDEX records_busy_session;

-- +goose Down
CREATE INDEX records_deadline ON sync_instance_records (deadline_at) WHERE status = 'running';
CREATE INDEX records_busy_host ON sync_instance_records (host_key) WHERE status IN ('queued', 'running');
CREATE INDEX records_busy_session ON sync_instance_records (session_id, credential_id) WHERE status IN ('queued', 'running');
