package mysql

import "strings"

// MinimalMariaDB returns the statements that the documentation has for a
// MariaDB from 10.4 on, the account apart.
func MinimalMariaDB() []string {
	return []string{
		"CREATE DATABASE dbfleet",
		"CREATE SQL SECURITY DEFINER VIEW dbfleet.account_state AS" + stateMariaDB,
		"GRANT SELECT ON dbfleet.account_state TO dbfleet",
		"GRANT SELECT ON mysql.db TO dbfleet",
		"GRANT SELECT ON mysql.tables_priv TO dbfleet",
		"GRANT SELECT ON mysql.columns_priv TO dbfleet",
		"GRANT SELECT ON mysql.procs_priv TO dbfleet",
		"GRANT SELECT ON mysql.proxies_priv TO dbfleet",
		"GRANT SELECT ON mysql.roles_mapping TO dbfleet",
	}
}

// Documented returns the texts that the page of the engine must hold.
func Documented() []string {
	return append(MinimalMariaDB(), strings.TrimSpace(stateMySQL))
}
