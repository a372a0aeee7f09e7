// Command worker is DBFleet's worker process. Its settings come from the environment;
// the README lists them.
package main

import (
	"os"

	_ "time/tzdata" // time zones on machines without their own

	"github.com/dbfleet/dbfleet/internal/app"
	"github.com/dbfleet/dbfleet/internal/config"
)

func main() { os.Exit(app.Main(config.Worker, os.Environ(), os.Stderr)) }
