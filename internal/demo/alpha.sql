-- The roles of a web shop: groups, people, services, one that has expired.
CREATE ROLE shop_read NOLOGIN;
CREATE ROLE shop_write NOLOGIN IN ROLE shop_read;
CREATE ROLE shop_owner NOLOGIN;
CREATE ROLE dba NOLOGIN CREATEROLE CREATEDB;
CREATE ROLE "Anna Müller" LOGIN IN ROLE dba;
CREATE ROLE wei_zhang LOGIN SUPERUSER;
CREATE ROLE 王芳 LOGIN IN ROLE shop_read;
CREATE ROLE shop_web LOGIN IN ROLE shop_write CONNECTION LIMIT 50;
CREATE ROLE shop_report LOGIN IN ROLE shop_read;
CREATE ROLE backup LOGIN REPLICATION;
CREATE ROLE contractor LOGIN VALID UNTIL '2025-12-31 23:59:59+00' IN ROLE shop_read;
CREATE ROLE old_batch NOLOGIN;
ALTER ROLE shop_report SET statement_timeout = '5min';
CREATE DATABASE shop OWNER shop_owner;
CREATE DATABASE crm;
REVOKE CONNECT ON DATABASE crm FROM PUBLIC;
GRANT CONNECT ON DATABASE crm TO dbfleet, shop_report;
