package mysql

import "strings"

// Documented returns the texts that the page of the engine must hold.
func Documented() []string {
	return append(MinimalMariaDB("dbfleet"), strings.TrimSpace(stateMySQL))
}
