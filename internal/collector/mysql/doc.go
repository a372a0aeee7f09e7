// Package mysql reads the accounts and privileges of a server of the MySQL
// family: MySQL 5.7 to 9 and MariaDB 10.3 to 11. It reads the tables of the
// database mysql in bulk, as an account that cannot see a password hash, and
// runs no statement per account. It stores nothing and compares nothing.
//
// A read takes one connection, read-only, with timeouts on both sides.
//
// # Who is talked to
//
// Nothing but the greeting is read, and nothing but the wish for TLS is said,
// before the server is checked as the target's TLS mode asks (see package
// collector). In a mode that checks nobody, a server is given a proof that the
// password is known and never the password; see keepPassword.
//
// # Where a hash stands beside what we need
//
// MariaDB 10.4 and later keep everything about an account in one JSON column,
// the hash included; so does MySQL 8 with the partial revokes and the second
// password. The documentation therefore asks for a view, dbfleet.account_state,
// that takes single keys out of it (see stateMariaDB, stateMySQL). Without the
// view, an account that may read the column reads the same expressions from the
// table: the hash stays on the server.
//
// # Identity
//
// An account is user@host; see identity. A server that gives an account another
// name gives it another identity.
//
// # What is missing
//
// A table that cannot be read is a Gap; the rest is complete. Without the list
// of accounts, and when the server goes away, the read fails with a
// *session.Fault.
package mysql
