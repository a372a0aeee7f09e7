package mysql

import (
	"slices"
	"strings"
)

// grantOption stands for the right to grant on where there is nothing else.
const grantOption = "GRANT OPTION"

// A set is what somebody may do on one object, in the words of GRANT.
type set struct {
	privileges []string
	grantable  []string // all of privileges, or none
}

// newSet makes a set of the words of a system table, in which GRANT stands for
// the right to grant on all others.
func newSet(names []string) set {
	var s set
	for _, name := range names {
		if name != "GRANT" {
			s.privileges = append(s.privileges, privilegeWord(name))
		}
	}
	if !slices.Contains(names, "GRANT") {
		return s
	}
	if len(s.privileges) == 0 {
		s.privileges = []string{grantOption}
	}
	s.grantable = s.privileges
	return s
}

// privilegeWord returns the word of GRANT for one of a system table.
func privilegeWord(name string) string {
	switch name {
	case "SHOW DB":
		return "SHOW DATABASES"
	case "CREATE TMP TABLE":
		return "CREATE TEMPORARY TABLES"
	case "REPL SLAVE":
		return "REPLICATION SLAVE"
	case "REPL CLIENT":
		return "REPLICATION CLIENT"
	case "DELETE VERSIONING ROWS":
		return "DELETE HISTORY"
	}
	return name
}

// columnName returns the word that a column such as Create_view_priv stands for.
func columnName(column string) string {
	name := strings.TrimSuffix(strings.ToLower(column), "_priv")
	return strings.ToUpper(strings.ReplaceAll(name, "_", " "))
}

// accessNames are the bits of "access" in mysql.global_priv, from the lowest
// on, as MariaDB 10.5 and later call them.
var accessNames = [...]string{
	"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "RELOAD", "SHUTDOWN", "PROCESS", "FILE",
	"GRANT", "REFERENCES", "INDEX", "ALTER", "SHOW DATABASES", "SUPER", "CREATE TEMPORARY TABLES",
	"LOCK TABLES", "EXECUTE", "REPLICATION SLAVE", "BINLOG MONITOR", "CREATE VIEW", "SHOW VIEW",
	"CREATE ROUTINE", "ALTER ROUTINE", "CREATE USER", "EVENT", "TRIGGER", "CREATE TABLESPACE",
	"DELETE HISTORY", "SET USER", "FEDERATED ADMIN", "CONNECTION ADMIN", "READ_ONLY ADMIN",
	"REPLICATION SLAVE ADMIN", "REPLICATION MASTER ADMIN", "BINLOG ADMIN", "BINLOG REPLAY",
	"SLAVE MONITOR", "SHOW CREATE ROUTINE",
}

// Bits of accessNames.
const (
	bitSuper                   = 1 << 15
	bitReplicationSlave        = 1 << 19
	bitMonitor                 = 20 // a place, not a bit
	bitsOfSuper                = 1<<30 | 1<<31 | 1<<32 | 1<<33 | bitSlaveAdmin | 1<<35 | 1<<36 | 1<<37
	bitSlaveAdmin              = 1 << 34
	bitSlaveMonitor            = 1 << 38
	allAccess           uint64 = 1<<64 - 1 // what the first root has, in every version
)

// accessSet returns what the bits mean to a server of version v. written is the
// version that wrote them, 100504 for 10.5.4: 10.5 has divided SUPER, and what
// was written before has its parts.
func accessSet(access uint64, written int64, v version) set {
	known := 30
	switch {
	case v.atLeast(11, 3):
		known = 40
	case v.atLeast(10, 5):
		known = 39
	}
	if v.atLeast(10, 5) && access != allAccess {
		access = divided(access, written)
	}
	var names []string
	for i, name := range accessNames[:known] {
		if access&(1<<i) == 0 {
			continue
		}
		if i == bitMonitor && !v.atLeast(10, 5) {
			name = "REPLICATION CLIENT"
		}
		names = append(names, name)
	}
	return newSet(names)
}

// divided adds what the server adds to old bits when it loads them.
func divided(access uint64, written int64) uint64 {
	const divides, monitors = 10_05_02, 10_05_09
	if written < divides {
		if access&bitSuper != 0 {
			access |= bitsOfSuper
		}
		if access&bitReplicationSlave != 0 {
			access |= bitSlaveAdmin | bitSlaveMonitor
		}
		return access
	}
	if written < monitors && access&bitSlaveAdmin != 0 {
		access |= bitSlaveMonitor
	}
	return access
}
