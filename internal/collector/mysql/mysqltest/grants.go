package mysqltest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/account"
)

// Grantee returns how a statement names the account, for a session in which a
// backslash protects.
func Grantee(a account.Account) string {
	switch a.Kind {
	case account.Public:
		return "PUBLIC"
	case account.Role:
		return Name(a.Name)
	case account.User:
	}
	return Text(a.Name) + "@" + Text(a.Host)
}

// Name quotes an identifier.
func Name(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

// Text quotes a string.
func Text(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// Shown returns what SHOW GRANTS has said about the account, sorted. It leaves
// out lines about others, which an account is shown through its roles, and
// spells ALL out.
func Shown(a account.Account, lines []string) ([]string, error) {
	who := "PUBLIC"
	if a.Kind != account.Public {
		who = accountName(a.Name, a.Host)
	}
	var all []string
	for _, line := range lines {
		told, err := shownLine(line, who)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", who, err)
		}
		all = append(all, told...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func shownLine(line, who string) ([]string, error) {
	w := readWords(line)
	if w.next("SET") {
		w.expect("DEFAULT")
		w.expect("ROLE")
		return []string{"DEFAULT " + accountName(w.quoted(), "")}, w.err
	}
	w.expect("GRANT")
	var all []string
	if len(w.tokens) > 0 && w.tokens[0].quoted {
		all = w.role()
	} else {
		all = w.privileges()
	}
	if w.err != nil || all[0] != who {
		return nil, w.err
	}
	return all[1:], nil
}

// role reads what follows on GRANT: a role, and whom it is granted to. The first
// text is the latter.
func (w *words) role() []string {
	role := accountName(w.quoted(), "")
	w.expect("TO")
	all := []string{w.account(), "ROLE " + role}
	if w.has("WITH", "ADMIN", "OPTION") {
		all = append(all, "ADMIN OF "+role)
	}
	return all
}

// privileges is role for privileges on an object.
func (w *words) privileges() []string {
	type privilege struct{ word, column string }
	var list []privilege
	for again := true; again && w.err == nil; again = w.next(",") {
		word := w.until(",", "(", "ON")
		if !w.next("(") {
			list = append(list, privilege{word: word})
			continue
		}
		for more := true; more && w.err == nil; more = w.next(",") {
			list = append(list, privilege{word, fmt.Sprintf(" (%q)", w.quoted())})
		}
		w.expect(")")
	}
	w.expect("ON")
	object := w.object()
	w.expect("TO")
	all := []string{w.account()}
	for _, p := range list {
		for _, word := range spelled(p.word, object) {
			all = append(all, word+p.column+" ON "+object)
		}
	}
	if w.has("WITH", "GRANT", "OPTION") {
		all = append(all, "GRANT OPTION ON "+object)
	}
	return all
}

// object reads *.*, a database, a table, a routine or an account.
func (w *words) object() string {
	if w.next("*") {
		w.expect(".")
		w.expect("*")
		return "*.*"
	}
	var kind string
	for len(w.tokens) > 0 && !w.tokens[0].quoted {
		kind += w.word() + " "
	}
	first := w.quoted()
	if w.next("@") {
		return kind + accountName(first, w.quoted())
	}
	w.expect(".")
	if w.next("*") {
		return fmt.Sprintf("%s%q.*", kind, first)
	}
	name := w.quoted()
	if kind != "" {
		name = strings.ToLower(name) // SHOW GRANTS does that; a routine's name has no case
	}
	return fmt.Sprintf("%s%q.%q", kind, first, name)
}

// spelled returns what ALL means in MariaDB 10.11; USAGE is nothing.
func spelled(word, object string) []string {
	database := []string{
		"ALTER", "ALTER ROUTINE", "CREATE", "CREATE ROUTINE", "CREATE TEMPORARY TABLES", "CREATE VIEW", "DELETE",
		"DELETE HISTORY", "DROP", "EVENT", "EXECUTE", "INDEX", "INSERT", "LOCK TABLES", "REFERENCES", "SELECT",
		"SHOW VIEW", "TRIGGER", "UPDATE",
	}
	server := []string{
		"BINLOG ADMIN", "BINLOG MONITOR", "BINLOG REPLAY", "CONNECTION ADMIN", "CREATE TABLESPACE", "CREATE USER",
		"FEDERATED ADMIN", "FILE", "PROCESS", "READ_ONLY ADMIN", "RELOAD", "REPLICATION MASTER ADMIN",
		"REPLICATION SLAVE", "REPLICATION SLAVE ADMIN", "SET USER", "SHOW DATABASES", "SHUTDOWN", "SLAVE MONITOR", "SUPER",
	}
	switch {
	case word == "USAGE":
		return nil
	case word != "ALL PRIVILEGES":
		return []string{word}
	case object == "*.*":
		return slices.Concat(database, server)
	case strings.HasSuffix(object, ".*"):
		return database
	}
	notOfTables := []string{"ALTER ROUTINE", "CREATE ROUTINE", "CREATE TEMPORARY TABLES", "EVENT", "EXECUTE", "LOCK TABLES"}
	return slices.DeleteFunc(database, func(p string) bool { return slices.Contains(notOfTables, p) })
}
