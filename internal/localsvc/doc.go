// Package localsvc starts private database servers for the demo and the
// tests: below a given folder, on free loopback ports, from the binaries that
// are installed, as root or as an ordinary user. Missing Debian packages are
// installed when the caller may, without letting the installation start or
// create a server of its own.
//
// It touches no server that it did not start and knows nothing of DBFleet's
// schema or data.
//
// # Life of a server
//
// Start empties the folder, starts the server in it and returns once the
// server has answered. Stop ends the server and removes the folder; Kill and
// Restart keep data and port. The folder holds a lock file: a second process
// that starts a server in the same folder is refused while the first one
// lives, and takes the folder over (ending a server that was left running)
// once it does not. On Linux a server is told to end when the process that
// started it dies, however it dies.
//
// # Postgres as root
//
// Postgres refuses to run as root. The server of a root process therefore runs
// in a user namespace in which root has the number of an ordinary user: the
// data may lie below folders that only root can enter. Where namespaces are
// forbidden, or the folder belongs to somebody else, the server runs as the
// system user postgres with its data in the folder for temporary files, and
// the given folder holds a link to it. MariaDB and Redis run as the caller.
package localsvc
