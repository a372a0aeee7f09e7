-- +goose Up

-- What retention looks for: lines of the history that have no session to go with.
CREATE INDEX schedule_fires_bare ON schedule_fires (created_at) WHERE session_id IS NULL AND outcome <> 'queued';

-- drop_old_month drops the oldest partition of a table partitioned by month, when
-- it is more than keep months before the present one, and returns its name;
-- empty when there is none. Of two callers at once one does nothing.
-- +goose StatementBegin
CREATE FUNCTION drop_old_month(parent regclass, keep integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    first text := to_char(date_trunc('month', now() AT TIME ZONE 'UTC') - keep * interval '1 month', 'YYYYMM');
    part  text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('drop_old_month'), hashtext(parent::text)) THEN
        RETURN '';
    END IF;
    SELECT c.oid::regclass::text INTO part
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = parent AND right(c.relname, 6) < first
    ORDER BY right(c.relname, 6) LIMIT 1;
    IF part IS NULL THEN
        RETURN '';
    END IF;
    EXECUTE format('DROP TABLE %s', part);
    RETURN part;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION drop_old_month(regclass, integer);
DROP INDEX schedule_fires_bare;
