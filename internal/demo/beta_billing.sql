CREATE TABLE invoice (id bigint PRIMARY KEY, amount numeric, paid_at timestamptz);
CREATE VIEW unpaid AS SELECT id, amount FROM invoice WHERE paid_at IS NULL;
GRANT SELECT ON invoice, unpaid TO billing_read;
GRANT ALL ON invoice TO billing_admin;
