// Command dbfleet is DBFleet's command line: a client of the API, and the few
// commands that open the database.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/dbfleet/dbfleet/internal/app"
	"github.com/dbfleet/dbfleet/internal/cli"
	"github.com/dbfleet/dbfleet/internal/queue"
)

func main() {
	queue.LogTo(slog.New(slog.DiscardHandler)) // the doctor says itself that Redis is away
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv},
		app.Local{Environ: os.Environ()})
	stop()
	os.Exit(code)
}
