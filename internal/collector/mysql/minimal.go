package mysql

// MinimalMariaDB returns the statements that let an account of a MariaDB from 10.4
// on read what the collector asks for, and nothing else. The account exists and is
// written as in SQL; there must be no database dbfleet yet.
func MinimalMariaDB(account string) []string {
	statements := []string{
		"CREATE DATABASE dbfleet",
		"CREATE SQL SECURITY DEFINER VIEW dbfleet.account_state AS" + stateMariaDB,
	}
	for _, table := range []string{
		"dbfleet.account_state", "mysql.db", "mysql.tables_priv", "mysql.columns_priv", "mysql.procs_priv",
		"mysql.proxies_priv", "mysql.roles_mapping",
	} {
		statements = append(statements, "GRANT SELECT ON "+table+" TO "+account)
	}
	return statements
}
