// Package mysqltest puts side by side what a MariaDB tells of an account by SHOW
// GRANTS and SHOW CREATE USER, and what was read or stored of it: both in the
// same lines, one privilege, role or attribute each. It is for tests, knows the
// words of MariaDB 10.11, and keeps no hash that a server prints.
package mysqltest
