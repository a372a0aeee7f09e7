-- +goose Up

-- TRUNCATE passes by the row trigger. Triggers of statements are not inherited
-- by partitions, so that each one has its own; dropping a partition stays free.
CREATE TRIGGER audit_events_keep BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- +goose StatementBegin
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit_events'::regclass LOOP
        EXECUTE format('CREATE TRIGGER audit_events_keep BEFORE TRUNCATE ON %s
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()', part);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION ensure_month(parent regclass, moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    part  text := format('%s_%s', parent, to_char(month, 'YYYYMM'));
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_month'), hashtext(part));
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
        part, parent, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    IF parent = 'audit_events'::regclass
       AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = part::regclass AND tgname = 'audit_events_keep') THEN
        EXECUTE format('CREATE TRIGGER audit_events_keep BEFORE TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()', part);
    END IF;
END
$$;
-- +goose StatementEnd

-- Each filter of the audit trail in its order.
CREATE INDEX audit_events_user ON audit_events (user_id, at, id);
CREATE INDEX audit_events_denied ON audit_events (at, id) WHERE outcome = 'denied';
CREATE INDEX audit_events_action ON audit_events (action, at, id);
CREATE INDEX audit_events_object ON audit_events (object_type, object_id, at, id);

CREATE INDEX api_tokens_user ON api_tokens (user_id, id);

-- +goose Down
DROP INDEX api_tokens_user, audit_events_object, audit_events_action, audit_events_denied, audit_events_user;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION ensure_month(parent regclass, moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    part  text := format('%s_%s', parent, to_char(month, 'YYYYMM'));
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_month'), hashtext(part));
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
        part, parent, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit_events'::regclass
                UNION ALL SELECT 'audit_events'::regclass LOOP
        EXECUTE format('DROP TRIGGER audit_events_keep ON %s', part);
    END LOOP;
END
$$;
-- +goose StatementEnd
