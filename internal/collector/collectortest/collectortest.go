// Package collectortest is the suite that every engine's collector must pass. It
// runs the collector against a private server of the engine, as the account that
// the documentation asks for, and against servers that misbehave. It knows what a
// collector promises, and no engine's SQL: that comes with the Harness.
package collectortest

import (
	"context"
	"math"
	"net"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/netguard"
)

// Reader is what a collector provides.
type Reader interface {
	ReadAccounts(context.Context, fleet.Target, fleet.Limits, func(context.Context)) (account.Snapshot, error)
}

// Harness is an engine under test. Every field is required.
type Harness struct {
	NewReader func(testing.TB, *netguard.Dialer) Reader
	// Start starts a private server that ends with the test.
	Start func(testing.TB) Server
	// StartTLS is Start for a server that also speaks TLS, with a certificate and
	// its key from two PEM files.
	StartTLS func(t testing.TB, certFile, keyFile string) Server
	SQL      SQL
	// Fakes are the engine's own ways to misbehave.
	Fakes Fakes
	Wire  Wire
	// Stops says that the engine stops a cancelled statement at once. Any other
	// notices only when the statement ends that nobody waits for any more.
	Stops bool
}

// Wire is what somebody who stands between a client and a server of the engine
// has to know of its protocol. Each function passes on what comes before TLS.
type Wire struct {
	// Strip hides from the client that the server speaks TLS.
	Strip func(client, server net.Conn) error
	// Agree lets the client begin TLS: its next byte is that of the handshake. It
	// returns the way on to the server for what the client will say inside.
	Agree func(client, server net.Conn) (net.Conn, error)
}

// Server is a private server of the engine.
type Server interface {
	// Target says how to log in with the documented minimal account, to the
	// engine's default database.
	Target() fleet.Target
	// Exec runs statements, one by one, as the superuser in a database; "" is the
	// default one. It fails the test when one fails.
	Exec(t testing.TB, database string, statements ...string)
	// Sessions returns how many connections of that application name are open.
	Sessions(t testing.TB, appName string) int
	// Block makes the next read of the default database wait on the server, until
	// the returned function is called or a timeout of the collector ends it.
	Block(t testing.TB) (unblock func())
	// Waiting reports whether a read waits for Block.
	Waiting(t testing.TB) bool
	// Kill ends the server as a crash would.
	Kill(t testing.TB)
}

// SQL spells in the engine's language what the scenarios need. Names are given
// as they are; the functions quote them.
type SQL struct {
	CreateUser     func(name string) string // who may log in
	CreateRole     func(name string) string // who may not
	ExpireUser     func(name string) string // its validity ended on 2001-02-03 at midnight UTC
	GrantRole      func(role, member string) string
	GrantAdmin     func(role, member string) string // and member may grant it on
	CreateDatabase func(name string) string
	CreateTable    func(schema, table string) []string // in a new schema
	GrantSelect    func(schema, table, name string) string
	Forbid         func(database, minimal string) string // the minimal account cannot read the database any more
	ManyUsers      func(n int) string                    // creates many_1 to many_n
	// Databases says whether grants are kept in each database, so that one of them
	// can be unreadable.
	Databases bool
	// HidesDatabases says that an account is told the same about a database that it
	// may not enter and about one that does not exist.
	HidesDatabases bool
	// Takes says whether accounts and tables can have the name at all; nil takes all.
	Takes func(name string) bool
	// NameBytes is the longest name of an account, in bytes.
	NameBytes int
}

// Fakes hold one handler per way to misbehave; each serves one connection and
// closes it when it returns.
type Fakes struct {
	NoTLS       Handler // answers that it speaks no TLS
	HangTLS     Handler // offers TLS and says no more
	HangLogin   Handler // says nothing to a login without TLS
	HangQuery   Handler // accepts every login and never answers a query
	Unsupported Handler // accepts every login and is a version that is too old
	Endless     Handler // accepts every login and answers a query without end
}

// patient are limits that no read should come near to, however slow the machine.
func patient() fleet.Limits {
	const long = 3 * patience // somebody looks on while the read waits
	return fleet.Limits{Connect: long, Statement: long, Lock: long, MaxAccounts: 100_000}
}

// loopback returns a dialer that may connect to this machine only.
func loopback(t testing.TB) *netguard.Dialer {
	t.Helper()
	policy, err := netguard.ParsePolicy("127.0.0.0/8:*")
	if err != nil {
		t.Fatal(err)
	}
	return &netguard.Dialer{Policy: policy, MaxBytes: math.MaxInt64}
}

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Harness){
		"Accounts":      testAccounts,
		"Broken":        testBroken,
		"Cancel":        testCancel,
		"Gone":          testGone,
		"Slow":          testSlow,
		"Many":          testMany,
		"Fakes":         testFakes,
		"WayToTheFakes": testNetwork,
		"TLS":           testTLS,
		"Between":       testBetween,
		"Stripped":      testStripped,
		"OldTLS":        testOldTLS,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

// read reads the server and fails the test when that fails.
func read(t testing.TB, h Harness, target fleet.Target) account.Snapshot {
	t.Helper()
	snapshot, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), target, patient(), nil)
	if err != nil {
		t.Fatalf("read accounts: %v", err)
	}
	return snapshot
}

// readComplete is read for servers of which nothing may be missing.
func readComplete(t testing.TB, h Harness, target fleet.Target) account.Snapshot {
	t.Helper()
	snapshot := read(t, h, target)
	for _, gap := range snapshot.Gaps {
		t.Errorf("gap: %+v", gap)
	}
	return snapshot
}

// byName returns the account of that name; it fails the test unless there is
// exactly one.
func byName(t testing.TB, s account.Snapshot, name string) account.Account {
	t.Helper()
	var found []account.Account
	for _, a := range s.Accounts {
		if a.Name == name {
			found = append(found, a)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d accounts are called %q, want 1", len(found), name)
	}
	return found[0]
}
