package app

import (
	"fmt"
	"io"
	"slices"

	"github.com/dbfleet/dbfleet/internal/config"
)

// told answers the arguments of a serving process, which has none but --help and
// --version: a process must not start because somebody asked what it is. over
// reports that there were any; code is then the exit code.
func told(role config.Role, args []string, stdout, stderr io.Writer) (code int, over bool) {
	switch {
	case len(args) == 0:
		return exitFine, false
	case slices.Equal(args, []string{"--help"}), slices.Equal(args, []string{"-h"}):
		fmt.Fprintf(stdout, help, role)
		return exitFine, true
	case slices.Equal(args, []string{"--version"}):
		fmt.Fprintf(stdout, "%s %s\n", role, Version())
		return exitFine, true
	}
	fmt.Fprintf(stderr, "%s takes no arguments: its settings are environment variables\nTry: %[1]s --help\n", role)
	return exitUsage, true
}

const help = `%s is a process of DBFleet. It runs until SIGTERM or Ctrl-C; a second signal ends
it at once.

Usage:
  %[1]s

It takes no arguments but --help and --version. Its settings are environment
variables: docs/operations.md lists them, and a start names each that is missing
or malformed.

Exit codes:
  0  stopped by a signal
  1  ended by an error
  2  could not start: a setting is missing or malformed, or there was an argument
`
