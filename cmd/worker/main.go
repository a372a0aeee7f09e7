// Command worker is DBFleet's worker process. Its settings come from the environment;
// the README lists them.
package main

import (
	"os"

	"github.com/dbfleet/dbfleet/internal/app"
	"github.com/dbfleet/dbfleet/internal/config"
)

func main() { os.Exit(app.Main(config.Worker, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }
