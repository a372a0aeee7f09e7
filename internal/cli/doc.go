// Package cli is the operator's command line: it turns arguments into requests
// to the HTTP API and answers into text for people or JSON for programs. It
// knows terminals, tables and exit codes. It holds no rules of the domain and
// never opens the database: the few commands that need it are handed to Local.
//
// # Exit codes
//
//	0  done; of a watched session: every instance succeeded
//	1  a watched session ended in any other way, or the doctor found a failure
//	2  could not run: wrong usage, API away, request refused, or detached
//
// # Output
//
// What a command was asked for goes to Streams.Out, remarks and errors go to
// Streams.Err. With --json, Out gets one JSON document, which is the API's
// answer as it came (pages are joined; of what was removed its id), and an error
// is one JSON document too. With --output csv, which is for lists, Out gets the
// whole cells of the table's columns and the API's ids; a command that makes no
// list refuses it before it does anything.
//
// Everything that came from a server is shown with its control and
// direction-changing characters escaped, because a database server under
// care may be hostile.
package cli
