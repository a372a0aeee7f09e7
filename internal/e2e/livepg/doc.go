// Package livepg holds what DBFleet stores about a live PostgreSQL against the
// server itself. Its tests read a private server under the documented minimal
// account, store the result as a worker does, and read it back from the store.
//
// One test compares that with the output of pg_dumpall and pg_dump: every
// account, attribute, setting, membership and grant that these tell must be
// stored, and nothing else. Another one runs single statements and looks at
// which accounts got a new version.
package livepg
