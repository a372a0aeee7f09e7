-- What the fixtures beside this file were written for.
INSERT INTO credentials (id, name, username, sealed, key_id) VALUES (1, 'c', 'monitor', '\x00', 'k');
INSERT INTO instances (id, name, engine, host, port, credential_id, host_key)
SELECT i, 'db-' || i, 'postgresql', 'h' || i, 5432, 1, 'h' || i FROM generate_series(1, 8) i;

INSERT INTO sync_sessions (id, session_id, sync_type, sync_category, status, result, reason, created_by, started_at, deadline_at,
    cancel_requested_at, completed_at, created_at, updated_at, total_instances, successful_instances, failed_instances,
    cancelled_instances, skipped_instances) VALUES
(1, '00000000-0000-4000-8000-000000000001', 'manual_batch', 'aggregation', 'cancelled', 'cancelled', '', 3,
    '2026-10-24 22:00:00Z', '2026-10-25 04:00:00Z', '2026-10-24 22:00:05Z', '2026-10-24 22:00:06.5Z', '2026-10-24 21:59:59.999999Z', '2026-10-24 22:00:06.5Z', 1, 0, 0, 1, 0),
-- over the end of summer time in Berlin
(2, '00000000-0000-4000-8000-000000000002', 'manual_batch', 'config', 'failed', 'partial', '', 7,
    '2026-10-25 00:59:59.5Z', '2026-10-25 07:00:00Z', NULL, '2026-10-25 01:00:30.25Z', '2026-10-25 00:59:59Z', '2026-10-25 01:00:30.25Z', 4, 1, 1, 1, 1),
(3, '00000000-0000-4000-8000-000000000003', 'scheduled', 'capacity', 'completed', 'succeeded', 'empty_selection', NULL,
    '2026-11-19 16:00:00Z', '2026-11-19 22:00:00Z', NULL, '2026-11-19 16:00:00.000001Z', '2026-11-19 16:00:00Z', '2026-11-19 16:00:00.000001Z', 0, 0, 0, 0, 0),
(4, '00000000-0000-4000-8000-000000000004', 'manual_single', 'other', 'cancelling', NULL, '', 0,
    '2026-11-20 16:59:00Z', '2026-11-20 22:59:00Z', '2026-11-20 16:59:30Z', NULL, '2026-11-20 16:59:00Z', '2026-11-20 16:59:30Z', 1, 0, 0, 0, 0),
(5, '00000000-0000-4000-8000-000000000005', 'scheduled', 'account', 'running', NULL, '', NULL,
    '2026-11-20 17:00:00Z', '2026-11-20 23:00:00Z', NULL, NULL, '2026-11-20 17:00:00Z', '2026-11-20 17:00:00.123456Z', 8, 0, 0, 0, 0);

INSERT INTO sync_instance_records (id, session_id, instance_id, instance_name, sync_category, status, host_key, credential_id, created_at,
    started_at, completed_at, worker_id, deadline_at, queued_at, items_synced, items_created, items_updated, items_deleted,
    error_code, error_phase, error_message, sync_details) VALUES
(11, '00000000-0000-4000-8000-000000000001', 1, 'db-1', 'aggregation', 'cancelled', 'h1', 1, '2026-10-24 22:00:00Z',
    NULL, '2026-10-24 22:00:06Z', NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, '{}'),
(21, '00000000-0000-4000-8000-000000000002', 1, 'db-1', 'config', 'completed', 'h1', 1, '2026-10-25 00:59:59.5Z',
    '2026-10-25 00:59:59.9Z', '2026-10-25 01:00:00.1Z', NULL, NULL, NULL, 350, 1, 2, 3, NULL, NULL, NULL,
    '{"server": "MariaDB <10.11> & co", "bytes_read": 4096, "计数": [1, 2.50]}'),
(22, '00000000-0000-4000-8000-000000000002', 2, 'db-2', 'config', 'cancelled', 'h2', 1, '2026-10-25 00:59:59.5Z',
    NULL, '2026-10-25 01:00:20Z', NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, '{}'),
(23, '00000000-0000-4000-8000-000000000002', 3, 'db-3', 'config', 'failed', 'h3', 1, '2026-10-25 00:59:59.5Z',
    '2026-10-25 01:00:00Z', '2026-10-25 01:00:30Z', NULL, NULL, NULL, 0, 0, 0, 0, 'query_failed', 'query:parameters',
    E'拒绝 <root>: "x" & \\ \n第二行', '{}'),
(24, '00000000-0000-4000-8000-000000000002', 4, 'db-4', 'config', 'skipped', 'h4', 1, '2026-10-25 00:59:59.5Z',
    NULL, '2026-10-25 00:59:59.5Z', NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, '{}'),
(41, '00000000-0000-4000-8000-000000000004', 1, 'db-1', 'other', 'running', 'h1', 1, '2026-11-20 16:59:00Z',
    '2026-11-20 16:59:01Z', NULL, '00000000-0000-4000-8000-0000000000ff', '2026-11-20 17:59:00Z', NULL, 0, 0, 0, 0, NULL, NULL, NULL, '{}'),
(51, '00000000-0000-4000-8000-000000000005', 1, 'db-1', 'account', 'completed', 'h1', 1, '2026-11-20 17:00:00Z',
    '2026-11-20 17:00:01Z', '2026-11-20 17:00:02.000001Z', NULL, NULL, NULL, 120, 2, 1, 0, NULL, NULL, NULL, '{"bytes_read": 4096}'),
(52, '00000000-0000-4000-8000-000000000005', 2, 'db-2', 'account', 'running', 'h2', 1, '2026-11-20 17:00:00Z',
    '2026-11-20 17:00:03Z', NULL, '00000000-0000-4000-8000-0000000000ff', '2026-11-20 17:59:00Z', NULL, 0, 0, 0, 0, NULL, NULL, NULL, '{}'),
(53, '00000000-0000-4000-8000-000000000005', 3, 'db-3', 'account', 'queued', 'h3', 1, '2026-11-20 17:00:00Z',
    NULL, NULL, NULL, NULL, '2026-11-20 17:00:03Z', 0, 0, 0, 0, NULL, NULL, NULL, '{}'),
(54, '00000000-0000-4000-8000-000000000005', 4, 'db-4', 'account', 'pending', 'h4', 1, '2026-11-20 17:00:00Z',
    '2026-11-20 17:00:02Z', NULL, NULL, NULL, NULL, 0, 0, 0, 0, 'connect_timeout', 'connect', NULL, '{}'),
(55, '00000000-0000-4000-8000-000000000005', 5, 'db-5', 'account', 'pending', 'h5', 1, '2026-11-20 17:00:00Z',
    NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, '{}'),
(56, '00000000-0000-4000-8000-000000000005', 6, 'db-6', 'account', 'pending', 'h6', 1, '2026-11-20 17:00:00Z',
    NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, '{}'),
(57, '00000000-0000-4000-8000-000000000005', 7, 'db-7', 'account', 'pending', 'h7', 1, '2026-11-20 17:00:00Z',
    NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, '{}'),
(58, '00000000-0000-4000-8000-000000000005', 8, 'db-8', 'account', 'pending', 'h8', 1, '2026-11-20 17:00:00Z',
    NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, '{}');
