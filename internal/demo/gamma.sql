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
