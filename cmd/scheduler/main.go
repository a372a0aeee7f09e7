// Command scheduler is DBFleet's scheduler process. Its settings come from the environment;
// the README lists them.
package main

import (
	"os"

	"github.com/dbfleet/dbfleet/internal/app"
	"github.com/dbfleet/dbfleet/internal/config"
)

func main() { os.Exit(app.Main(config.Scheduler, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }
