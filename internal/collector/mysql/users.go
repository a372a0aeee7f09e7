package mysql

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/account"
)

// These tell which columns of privileges the server has, as far as we may read
// them. Each asks for one table: for a list of them a MariaDB opens every table
// of the schema.
const (
	sqlUserColumns = `
SELECT COLUMN_NAME
  FROM information_schema.COLUMNS
 WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = 'user'
 ORDER BY ORDINAL_POSITION`
	sqlDatabaseColumns = `
SELECT COLUMN_NAME
  FROM information_schema.COLUMNS
 WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = 'db'
 ORDER BY ORDINAL_POSITION`
)

// A layout holds the readable columns of a table.
type layout []string

func (c *conn) readLayout(ctx context.Context, sql string) (layout, error) {
	var found layout
	err := c.each(ctx, query{name: "columns", sql: sql, columns: 1}, func(r row) error {
		found = append(found, r.text(0))
		return nil
	})
	return found, err
}

// privilegeColumn is the form of a column that holds one privilege; nothing else
// that the server calls a column gets into a statement.
var privilegeColumn = regexp.MustCompile(`^[A-Z][A-Za-z_]{1,50}_priv$`)

// privileges returns the columns of the table that hold one privilege each. It
// fails when one is not readable that every version has: not read is not revoked.
func (l layout) privileges(table string, base []string) ([]string, error) {
	for _, column := range base {
		if !slices.Contains(l, column) {
			return nil, fmt.Errorf("no SELECT on column %s of mysql.%s", column, table)
		}
	}
	var found []string
	for _, column := range l {
		if privilegeColumn.MatchString(column) {
			found = append(found, column)
		}
	}
	return found, nil
}

// The columns of privileges that all versions from 5.7 and 10.3 on have.
func databaseBase() []string {
	return []string{
		"Select_priv", "Insert_priv", "Update_priv", "Delete_priv", "Create_priv", "Drop_priv", "Grant_priv",
		"References_priv", "Index_priv", "Alter_priv", "Create_tmp_table_priv", "Lock_tables_priv", "Create_view_priv",
		"Show_view_priv", "Create_routine_priv", "Alter_routine_priv", "Execute_priv", "Event_priv", "Trigger_priv",
	}
}

func userBase() []string {
	return append(databaseBase(), "Reload_priv", "Shutdown_priv", "Process_priv", "File_priv", "Show_db_priv",
		"Super_priv", "Repl_slave_priv", "Repl_client_priv", "Create_user_priv", "Create_tablespace_priv")
}

// userColumns are the columns of mysql.user besides privileges, each with what
// stands in for it where a version does not have it: none of them is a hash.
var userColumns = [...]struct{ expression, column, without string }{
	{"Host", "Host", ""},
	{"User", "User", ""},
	{"plugin", "plugin", ""},
	{"ssl_type", "ssl_type", ""},
	{"CONVERT(ssl_cipher USING utf8mb4)", "ssl_cipher", ""},
	{"CONVERT(x509_issuer USING utf8mb4)", "x509_issuer", ""},
	{"CONVERT(x509_subject USING utf8mb4)", "x509_subject", ""},
	{"max_questions", "max_questions", ""},
	{"max_updates", "max_updates", ""},
	{"max_connections", "max_connections", ""},
	{"max_user_connections", "max_user_connections", ""},
	{"password_expired", "password_expired", ""},
	{"account_locked", "account_locked", flavourMariaDB},
	{"UNIX_TIMESTAMP(password_last_changed)", "password_last_changed", flavourMariaDB},
	{"password_lifetime", "password_lifetime", flavourMariaDB},
	{"max_statement_time", "max_statement_time", flavourMySQL},
	{"is_role", "is_role", flavourMySQL},
	{"default_role", "default_role", flavourMySQL},
}

// The places of userColumns.
const (
	userHost = iota
	userUser
	userPlugin
	userSSL
	userCipher
	userIssuer
	userSubject
	userLimits // four of them
	_
	_
	_
	userExpired
	userLocked
	userChanged
	userLifetime
	userTime
	userRole
	userDefault
)

// readUsers reads the accounts of a server that keeps them in columns.
func (c *conn) readUsers(ctx context.Context) error {
	columns, err := c.readLayout(ctx, sqlUserColumns)
	if err != nil {
		return err
	}
	sql, privileges, err := usersQuery(columns, c.read.version)
	if err != nil {
		return c.read.permission(ctx, "accounts", err, "the documentation has the columns that are needed")
	}
	q := query{name: "accounts", sql: sql, columns: len(userColumns) + len(privileges)}
	return c.each(ctx, q, func(r row) error { return c.read.addUser(r, privileges) })
}

// usersQuery makes the statement of the columns that the server has.
func usersQuery(columns layout, v version) (sql string, privileges []string, err error) {
	base := userBase()
	switch {
	case v.mariaDB():
		base = append(base, "Delete_history_priv")
	case v.hasRoles():
		base = append(base, "Create_role_priv", "Drop_role_priv")
	}
	if privileges, err = columns.privileges("user", base); err != nil {
		return "", nil, err
	}
	var parts []string
	for _, c := range userColumns {
		switch {
		case c.without == v.flavour:
			parts = append(parts, "NULL")
		case !slices.Contains(columns, c.column):
			return "", nil, errors.New("no SELECT on column " + c.column + " of mysql.user")
		default:
			parts = append(parts, c.expression)
		}
	}
	parts = append(parts, privileges...)
	return "SELECT " + strings.Join(parts, ", ") + " FROM mysql.user", privileges, nil
}

func (r *read) addUser(v row, privileges []string) error {
	a := account.Account{Kind: account.User, Attributes: map[string]any{}}
	locked, expired := v.flag(userLocked), v.flag(userExpired)
	if v.flag(userRole) || r.version.hasRoles() && !r.version.mariaDB() && locked && expired {
		a.Kind = account.Role // MySQL makes a role as an account that is locked and expired
	}
	a.CanLogin = a.Kind == account.User && !locked
	if locked {
		a.Attributes[account.AttributeLocked] = true
	}
	p := password{expired: expired, lifetime: lifetime(v, userLifetime)}
	p.changed, p.known = v.integer(userChanged)
	p.tell(&a, r.lifetime)
	text(&a, "plugin", v.text(userPlugin))
	text(&a, "tls_required", tlsWord(v.text(userSSL)))
	text(&a, "tls_cipher", v.text(userCipher))
	text(&a, "tls_issuer", v.text(userIssuer))
	text(&a, "tls_subject", v.text(userSubject))
	for i, name := range limitNames {
		number(&a, name, v.text(userLimits+i))
	}
	number(&a, "max_statement_time_s", v.text(userTime))
	if err := r.addServerGrant(&a, columnSet(v, len(userColumns), privileges)); err != nil {
		return err
	}
	return r.add(a, v.text(userUser), v.text(userHost), v.text(userDefault))
}

// columnSet reads a Y or N for each column from place first on.
func columnSet(v row, first int, columns []string) set {
	var names []string
	for i, column := range columns {
		if v.flag(first + i) {
			names = append(names, columnName(column))
		}
	}
	return newSet(names)
}
