// Package e2e tests the real binaries against real servers: it starts them as
// processes, does to them what happens in production (kill, stop, wipe, cancel),
// and looks at what Postgres and the targets say afterwards.
package e2e
