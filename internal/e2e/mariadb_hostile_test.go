package e2e

// hostileMariaDB makes what the fleet has not: every kind of grant, role, limit
// and login, and names that are hard to quote. It runs on one connection.
func hostileMariaDB() []string {
	return []string{
		"CREATE DATABASE shop", "CREATE TABLE shop.orders (id int, total int, `we)ird, \\``x` int, `UPPER` int)", "CREATE TABLE shop.items (id int)",
		"CREATE DATABASE `a``b's \"x\".y`", "CREATE TABLE `a``b's \"x\".y`.`t,t)` (`c``1` int, `c 2` int)",
		"CREATE DATABASE `ünï`", "CREATE TABLE `ünï`.`tàble` (`cöl` int)", "CREATE DATABASE `Upper`", "CREATE DATABASE `upper`",
		"CREATE PROCEDURE shop.bill() SELECT 1", "CREATE FUNCTION shop.tax() RETURNS int RETURN 1", "CREATE PROCEDURE shop.`Weird ``p`() SELECT 1",
		"CREATE FUNCTION shop.bill() RETURNS int RETURN 1",

		// names
		"CREATE USER 'o\\'neil'@'%', `back``tick`@'%', `a@b`@'%', 'with space'@'%', ''@'10.%', ''@'%', `back\\\\slash`@'%', `dq\"x`@'%', ` lead`@'%', `at@`@'%'",
		"CREATE USER 'UPPER'@'Host.Example.COM', 'upper'@'host.example.com', `日本`@'%', `née`@'%', net@'10.0.0.0/255.255.255.0', `und_er`@'_%.example.com', v6@'::1'",
		"CREATE USER `ON`@'%', `WITH GRANT OPTION`@'%', ` TO x`@'%', `PUBLIC`@'%', `%`@'%', `null`@'%'",

		// ways to log in, limits, TLS, passwords
		"CREATE USER auth_two@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('known-Pa55') OR unix_socket",
		"CREATE USER auth_three@'%' IDENTIFIED VIA unix_socket OR mysql_native_password USING 'invalid' OR mysql_native_password USING PASSWORD('known-Pa55')",
		"CREATE USER auth_socket@'localhost' IDENTIFIED VIA unix_socket",
		"CREATE USER limits@'%' WITH MAX_QUERIES_PER_HOUR 10 MAX_UPDATES_PER_HOUR 2 MAX_CONNECTIONS_PER_HOUR 300 MAX_USER_CONNECTIONS 4 MAX_STATEMENT_TIME 1.25",
		"CREATE USER limits_less@'%' WITH MAX_USER_CONNECTIONS -1 MAX_STATEMENT_TIME 100",
		"CREATE USER tls_any@'%' REQUIRE SSL", "CREATE USER tls_x509@'%' REQUIRE X509", "CREATE USER tls_cipher@'%' REQUIRE CIPHER 'AES256-SHA'",
		"CREATE USER tls_all@'%' REQUIRE SUBJECT '/CN=a''b\\\\c \"q\" ü' AND ISSUER '/C=DE' AND CIPHER 'TLS_AES_256_GCM_SHA384'",
		"CREATE USER expired@'%' IDENTIFIED BY 'x' PASSWORD EXPIRE", "CREATE USER locked@'%' ACCOUNT LOCK", "CREATE USER locked_expired@'%' ACCOUNT LOCK PASSWORD EXPIRE",
		"CREATE USER life@'%' PASSWORD EXPIRE INTERVAL 90 DAY", "CREATE USER never@'%' PASSWORD EXPIRE NEVER", "CREATE USER default_life@'%' PASSWORD EXPIRE DEFAULT",

		// roles
		"CREATE ROLE reader", "CREATE ROLE writer", "CREATE ROLE `Wri``ter X@y`", "CREATE ROLE outer_role WITH ADMIN writer", "CREATE ROLE owned WITH ADMIN locked@'%'",
		"CREATE ROLE `rôle`", "GRANT `rôle` TO `日本`@'%' WITH ADMIN OPTION", "SET DEFAULT ROLE `rôle` FOR `日本`@'%'",
		"GRANT reader TO writer", "GRANT writer TO `Wri``ter X@y` WITH ADMIN OPTION", "GRANT `Wri``ter X@y` TO `a@b`@'%' WITH ADMIN OPTION",
		"GRANT reader TO 'o\\'neil'@'%'", "GRANT reader TO PUBLIC", "GRANT reader TO ''@'%'",
		"SET DEFAULT ROLE `Wri``ter X@y` FOR `a@b`@'%'", "SET DEFAULT ROLE reader FOR 'o\\'neil'@'%'",

		// the server and databases
		"GRANT ALL ON *.* TO auth_two@'%' WITH GRANT OPTION", "GRANT USAGE ON *.* TO limits@'%' WITH GRANT OPTION", "GRANT SELECT ON *.* TO ''@'10.%'",
		"GRANT SUPER, BINLOG MONITOR, READ_ONLY ADMIN, SLAVE MONITOR, SHOW DATABASES ON *.* TO writer", "GRANT SHOW DATABASES ON *.* TO PUBLIC",
		"GRANT ALL ON `sh\\_%`.* TO 'o\\'neil'@'%'", "GRANT SELECT ON `sh__`.* TO 'o\\'neil'@'%'", "GRANT SELECT ON `%`.* TO life@'%'",
		"GRANT SELECT ON `a``b's \"x\".y`.* TO `back``tick`@'%' WITH GRANT OPTION", "GRANT USAGE ON shop.* TO locked@'%' WITH GRANT OPTION",
		"GRANT SELECT, CREATE TEMPORARY TABLES, LOCK TABLES ON shop.* TO ''@'%' WITH GRANT OPTION", "GRANT ALL ON `ünï`.* TO `日本`@'%'",
		"GRANT SELECT ON `Upper`.* TO never@'%'", "GRANT INSERT ON `upper`.* TO never@'%'", "GRANT DELETE HISTORY ON gone.* TO never@'%'",
		"GRANT SELECT ON `ünï`.* TO PUBLIC", "GRANT SELECT ON shop.* TO `WITH GRANT OPTION`@'%', ` TO x`@'%', `PUBLIC`@'%', `ON`@'%'",

		// tables and columns
		"GRANT SELECT (id, `we)ird, \\``x`), INSERT (id, total, `UPPER`), UPDATE, REFERENCES (id) ON shop.orders TO `a@b`@'%' WITH GRANT OPTION",
		"GRANT SELECT (`c``1`, `c 2`), UPDATE (`c``1`), DELETE ON `a``b's \"x\".y`.`t,t)` TO 'with space'@'%'",
		"GRANT ALL ON `ünï`.`tàble` TO 'UPPER'@'host.example.com'", "GRANT SELECT (`cöl`) ON `ünï`.`tàble` TO 'upper'@'host.example.com'",
		"GRANT SELECT, DELETE HISTORY, CREATE VIEW, SHOW VIEW, TRIGGER ON shop.items TO reader", "GRANT USAGE ON shop.items TO writer WITH GRANT OPTION",
		"GRANT SELECT ON shop.items TO PUBLIC", "GRANT SELECT (id) ON shop.orders TO PUBLIC",

		// routines and packages
		"GRANT EXECUTE ON PROCEDURE shop.bill TO net@'10.0.0.0/255.255.255.0'", "GRANT EXECUTE ON FUNCTION shop.bill TO net@'10.0.0.0/255.255.255.0'",
		"GRANT ALTER ROUTINE, EXECUTE ON FUNCTION shop.tax TO reader WITH GRANT OPTION", "GRANT ALL ON PROCEDURE shop.`Weird ``p` TO `dq\"x`@'%'",
		"GRANT USAGE ON PROCEDURE shop.bill TO writer WITH GRANT OPTION", "GRANT EXECUTE ON PROCEDURE shop.bill TO PUBLIC",
		"SET sql_mode = ORACLE", "CREATE PACKAGE shop.pkg AS PROCEDURE p1(); END;", "CREATE PACKAGE BODY shop.pkg AS PROCEDURE p1() AS BEGIN NULL; END; END;",
		"GRANT EXECUTE ON PACKAGE shop.pkg TO net@'10.0.0.0/255.255.255.0'", "GRANT EXECUTE ON PACKAGE BODY shop.pkg TO reader WITH GRANT OPTION", "SET sql_mode = DEFAULT",

		// proxies
		"GRANT PROXY ON life@'%' TO never@'%' WITH GRANT OPTION", "GRANT PROXY ON 'o\\'neil'@'%' TO `a@b`@'%'", "GRANT PROXY ON ''@'%' TO `back``tick`@'%'",
		"GRANT PROXY ON `a@b`@'%' TO `back\\\\slash`@'%'", "GRANT PROXY ON 'UPPER'@'Host.Example.COM' TO `a@b`@'%'", "GRANT PROXY ON nobody@'10.%' TO `a@b`@'%'",
	}
}
