-- name: EnsureAuditMonth :exec
SELECT ensure_month('audit_events', now());

-- name: InsertAuditEvent :exec
INSERT INTO audit_events (user_id, user_name, action, object_type, object_id, outcome, detail, request_id, remote_addr)
VALUES (@user_id, @user_name, @action, @object_type, @object_id, @outcome, @detail, @request_id, @remote_addr);
