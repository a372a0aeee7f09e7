-- The roles of a billing system.
CREATE ROLE billing_read NOLOGIN;
CREATE ROLE billing_admin NOLOGIN IN ROLE billing_read;
CREATE ROLE auditor LOGIN IN ROLE pg_read_all_data;
CREATE ROLE billing_app LOGIN IN ROLE billing_admin;
CREATE ROLE billing_job LOGIN IN ROLE billing_read;
CREATE ROLE "O'Brien" LOGIN IN ROLE billing_read;
CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
CREATE DATABASE billing;
