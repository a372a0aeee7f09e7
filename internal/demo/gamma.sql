-- What DBFleet may see of a MariaDB: docs/engines/mysql.md.
CREATE DATABASE dbfleet;
CREATE SQL SECURITY DEFINER VIEW dbfleet.account_state AS
SELECT Host, User,
       JSON_VALUE(Priv, '$.access') AS access,
       JSON_VALUE(Priv, '$.version_id') AS version_id,
       JSON_VALUE(Priv, '$.plugin') AS plugin,
       JSON_EXTRACT(Priv, '$.auth_or[*].plugin') AS other_plugins,
       JSON_VALUE(Priv, '$.account_locked') AS account_locked,
       JSON_VALUE(Priv, '$.password_last_changed') AS password_last_changed,
       JSON_VALUE(Priv, '$.password_lifetime') AS password_lifetime,
       JSON_VALUE(Priv, '$.ssl_type') AS ssl_type,
       JSON_VALUE(Priv, '$.ssl_cipher') AS ssl_cipher,
       JSON_VALUE(Priv, '$.x509_issuer') AS x509_issuer,
       JSON_VALUE(Priv, '$.x509_subject') AS x509_subject,
       JSON_VALUE(Priv, '$.max_questions') AS max_questions,
       JSON_VALUE(Priv, '$.max_updates') AS max_updates,
       JSON_VALUE(Priv, '$.max_connections') AS max_connections,
       JSON_VALUE(Priv, '$.max_user_connections') AS max_user_connections,
       JSON_VALUE(Priv, '$.max_statement_time') AS max_statement_time,
       JSON_VALUE(Priv, '$.is_role') AS is_role,
       JSON_VALUE(Priv, '$.default_role') AS default_role
  FROM mysql.global_priv;
GRANT SELECT ON dbfleet.account_state TO dbfleet;
GRANT SELECT ON mysql.db TO dbfleet;
GRANT SELECT ON mysql.tables_priv TO dbfleet;
GRANT SELECT ON mysql.columns_priv TO dbfleet;
GRANT SELECT ON mysql.procs_priv TO dbfleet;
GRANT SELECT ON mysql.proxies_priv TO dbfleet;
GRANT SELECT ON mysql.roles_mapping TO dbfleet;
-- The accounts of a customer register.
CREATE DATABASE crm;
CREATE TABLE crm.contacts (id int PRIMARY KEY, name varchar(100), phone varchar(40));
CREATE TABLE crm.calls (id int PRIMARY KEY, contact int);
CREATE ROLE crm_read;
CREATE USER crm_web@'10.%' REQUIRE SSL;
CREATE USER crm_report WITH MAX_USER_CONNECTIONS 3;
CREATE USER crm_old ACCOUNT LOCK;
CREATE USER 'o\'brien'@'%';
GRANT SELECT ON crm.* TO crm_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON crm.* TO crm_web@'10.%';
GRANT SELECT (id, name) ON crm.contacts TO crm_report;
GRANT crm_read TO crm_old, 'o\'brien'@'%';
SET DEFAULT ROLE crm_read FOR 'o\'brien'@'%';
