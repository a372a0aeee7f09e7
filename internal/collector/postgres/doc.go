// Package postgres reads the accounts and privileges of a PostgreSQL server,
// version 12 to 18. It reads system catalogs only, as an ordinary account that
// may log in and connect, and it never reads a password hash. It stores nothing
// and compares nothing.
//
// A read takes one connection at a time: first to the target's initial database
// for everything that belongs to the whole server, then to each other database
// for what belongs to it. Each connection is read-only and has timeouts on both
// sides. All of this is a handful of statements, none of them per account.
//
// # Who is talked to
//
// Nothing but the wish for TLS is said before the server is checked as the
// target's TLS mode asks (see package collector). In a mode that checks nobody, a
// server is given a proof that the password is known and never the password.
//
// # Grants
//
// PostgreSQL writes nothing into a catalog while an object has the privileges
// that it was born with, and spells everything out at the first GRANT. So that
// one GRANT is one difference, privileges are compared with a baseline:
//
//   - for an object of a user, what acldefault says, or what pg_init_privs says
//     when initdb or an extension gave it something else;
//   - for an object of the system, pg_init_privs, or else acldefault.
//
// What is in the baseline of a user's object appears with account.Default, and
// its owner has the one privilege OWNER with account.Owner. Of the system's
// objects only the differences appear: additions with account.Explicit, removals
// with account.Revoked.
//
// # What is missing
//
// A database that cannot be entered or a catalog that cannot be read is a Gap; the
// rest is complete. A server that goes away, or that answers nonsense, fails the
// whole read with a *session.Fault.
package postgres
