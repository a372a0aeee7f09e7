package mysql_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// section returns what the engine's page says under a heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/engines/mysql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "\n### "+heading+"\n")
	if !found {
		t.Fatalf("the page has no section %s", heading)
	}
	part, _, _ := strings.Cut(rest, "\n##")
	return part
}

// documented returns the statements of a section, with the tests' password.
func documented(t *testing.T, heading string) []string {
	t.Helper()
	_, rest, _ := strings.Cut(section(t, heading), "```sql\n")
	block, _, _ := strings.Cut(rest, "```")
	block = strings.Replace(block, "'…'", "'"+minimalPassword+"'", 1)
	return strings.Split(strings.TrimSuffix(strings.TrimSpace(block), ";"), ";\n")
}

// grantedColumns returns which columns of mysql.user the section grants.
func grantedColumns(t *testing.T, heading string) []string {
	t.Helper()
	form := regexp.MustCompile(`GRANT SELECT \(([^)]+)\) ON mysql\.user`)
	m := form.FindStringSubmatch(section(t, heading))
	if m == nil {
		t.Fatalf("%s: no columns of mysql.user", heading)
	}
	columns := regexp.MustCompile(`,\s+`).Split(m[1], -1)
	for _, column := range columns {
		if regexp.MustCompile(`(?i)^(authentication_string|password|user_attributes)$`).MatchString(column) {
			t.Fatalf("%s: %s is granted, which holds a hash", heading, column)
		}
	}
	return columns
}

// visible answers which columns an account sees that the documentation made.
func visible(granted []string, more ...string) answer {
	return func(w *wire, query string) {
		columns := slices.Concat([]string{"Host", "Db", "User"}, databaseColumns(), more)
		if strings.Contains(query, "TABLE_NAME = 'user'") {
			columns = granted
		}
		w.begin(1)
		for _, column := range columns {
			w.row(column)
		}
		w.end()
	}
}

// A user is a row of mysql.user; what is not named has the value that a server
// gives a new account.
type user map[string]string

var wrapped = regexp.MustCompile(`^(?:CONVERT\((\w+) USING utf8mb4\)|UNIX_TIMESTAMP\((\w+)\)|(\w+))$`)

// userTable answers as mysql.user does to somebody who may read these columns: any
// other is refused.
func userTable(granted []string, users ...user) answer {
	return func(w *wire, query string) {
		list, _, _ := strings.Cut(strings.TrimPrefix(query, "SELECT "), " FROM ")
		var columns []string
		for _, part := range strings.Split(list, ", ") {
			m := wrapped.FindStringSubmatch(part)
			if m == nil || part != "NULL" && !slices.Contains(granted, m[1]+m[2]+m[3]) {
				w.refuse(1143, "SELECT command denied to user 'dbfleet' for column in "+part)
				return
			}
			columns = append(columns, m[1]+m[2]+m[3])
		}
		w.begin(len(columns))
		for _, u := range users {
			w.row(u.values(columns)...)
		}
		w.end()
	}
}

func (u user) values(columns []string) []string {
	var row []string
	for _, column := range columns {
		value, told := u[column]
		switch {
		case told:
		case strings.HasSuffix(column, "_priv"):
			value = map[bool]string{true: "Y", false: "N"}[slices.Contains(strings.Fields(u["has"]), column) || u["has"] == "all"]
		case strings.HasPrefix(column, "max_"):
			value = "0"
		case column == "NULL", column == "password_lifetime":
			value = null
		case slices.Contains([]string{"password_expired", "account_locked", "is_role"}, column):
			value = "N"
		}
		row = append(row, value)
	}
	return row
}

// The statements for MariaDB 10.3 are run on the MariaDB that there is: it has a
// view in the place of that table, with the same columns.
func TestDocumentedStatementsWorkAsTyped(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{"MariaDB from 10.4 on", "MariaDB 10.3"} {
		t.Run(heading, func(t *testing.T) {
			t.Parallel()
			s := bare(t)
			s.Exec(t, "", documented(t, heading)...)
			config := s.ConfigFor(minimalName, minimalPassword, "")
			if err := ask(t, config, "SELECT Host, User, Db, Delete_history_priv FROM mysql.db"); err != nil {
				t.Error(err)
			}
			if ask(t, config, "SELECT authentication_string FROM mysql.user") == nil || ask(t, config, "SELECT Priv FROM mysql.global_priv") == nil {
				t.Error("the account may see a hash")
			}
		})
	}
}
