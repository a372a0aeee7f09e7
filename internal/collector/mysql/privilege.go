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
	bitSuper            = 1 << 15
	bitReplicationSlave = 1 << 19
	bitBinlogMonitor    = 1 << 20
	bitReadOnlyAdmin    = 1 << 33
	bitSlaveAdmin       = 1 << 34
	bitMasterAdmin      = 1 << 35
	bitSlaveMonitor     = 1 << 38
	// partsOfSuper are what SUPER has allowed before they had names of their own.
	partsOfSuper = 1<<30 | 1<<31 | 1<<32 | bitReadOnlyAdmin | bitSlaveAdmin | 1<<36 | 1<<37

	placeMonitor        = 20        // of BINLOG MONITOR, which was REPLICATION CLIENT
	allAccess    uint64 = 1<<64 - 1 // what the first root has, in every version
)

// accessSet returns what the bits mean to a server of version v. written is the
// version that wrote them, 100504 for 10.5.4; 0 when it did not say.
func accessSet(access uint64, written int64, v version) set {
	if v.atLeast(10, 5) && access != allAccess {
		access = loaded(access, written, v)
	}
	var names []string
	for i, name := range accessNames[:knownBits(v)] {
		if access&(1<<i) == 0 {
			continue
		}
		if i == placeMonitor && !v.atLeast(10, 5) {
			name = "REPLICATION CLIENT"
		}
		names = append(names, name)
	}
	return newSet(names)
}

// knownBits returns how many bits the version knows.
func knownBits(v version) int {
	switch {
	case v.atLeast(11, 3):
		return 40
	case v.atLeast(10, 5):
		return 39
	}
	return 30
}

// loaded returns what the server makes of the bits when it loads them: what
// older versions have written keeps what it allowed then, and bits that their
// version did not have make all of them void. Up to 10.11 this is measured.
func loaded(access uint64, written int64, v version) uint64 {
	const first, last = 10_04_00, 99_99_99 // versions that may have written something
	if written != 0 && (written < first || written > last) || access>>bitsOf(written, v) != 0 {
		return 0
	}
	super := access&bitSuper != 0
	if super {
		access |= impliedBySuper(written, v)
	}
	const divides, monitors = 10_05_02, 10_05_09
	switch {
	case written >= monitors:
		return access
	case written >= divides:
		return implied(access, bitSlaveAdmin, bitSlaveMonitor)
	}
	if super {
		access = implied(access, bitReplicationSlave, bitMasterAdmin)
	}
	return implied(access, bitBinlogMonitor|bitReplicationSlave, bitSlaveMonitor)
}

// implied adds a bit when one of others is set.
func implied(access, others, bit uint64) uint64 {
	if access&others != 0 {
		access |= bit
	}
	return access
}

// bitsOf returns how many bits a version could write, as the server v sees it.
func bitsOf(written int64, v version) int {
	switch {
	case written >= 11_03_00 && v.atLeast(11, 3):
		return 40
	case written >= 10_05_08:
		return 39
	case written >= 10_05_02:
		return 38
	}
	return 30
}

// impliedBySuper returns which privileges an account with SUPER has besides,
// because it had them in the version that wrote it.
func impliedBySuper(written int64, v version) uint64 {
	switch {
	case written < 10_05_02:
		return partsOfSuper
	case written < 11_00_00 && v.atLeast(11, 0):
		if written < 10_11_00 {
			return partsOfSuper
		}
		return partsOfSuper &^ bitReadOnlyAdmin
	case written < 10_11_00 && v.atLeast(10, 11):
		return bitReadOnlyAdmin
	}
	return 0
}
