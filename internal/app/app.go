// Package app wires the processes: it builds pools, clients, loops and servers
// and knows the order in which they start and stop. It is the only package that
// imports all others, and it decides nothing else.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // schedules need every zone, also on a machine that has none

	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/logging"
	"github.com/dbfleet/dbfleet/internal/queue"
	"github.com/dbfleet/dbfleet/internal/runner"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/store"
)

// Exit codes of the processes.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2 // a setting is missing or malformed
)

// Serves is the table of what this release can sync.
func Serves() session.Serves {
	return session.Serves{session.Account: {fleet.PostgreSQL, fleet.MySQL}}
}

// Version is the version of this binary, as its build recorded it.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// Process is one running serving process.
type Process func(ctx context.Context, hard context.Context, cfg config.Config, log *slog.Logger) error

// Main runs one serving process until a signal ends it and returns its exit
// code. args are those behind the program's name, and environ has the form of
// os.Environ. The log goes to stderr; only --help and --version print on stdout.
func Main(role config.Role, args, environ []string, stdout, stderr io.Writer) int {
	if code, over := told(role, args, stdout, stderr); over {
		return code
	}
	return serve(role, processes()[role], environ, stderr)
}

// WorkerMain is Main for a worker with a table of jobs of the caller's in place
// of ours: the same claims, limits and settling around other work.
func WorkerMain(environ []string, stderr io.Writer, jobs func(*store.Store) map[runner.Kind]runner.Job) int {
	table := func(_ context.Context, b *base) (map[runner.Kind]runner.Job, error) { return jobs(b.store), nil }
	return serve(config.Worker, workerWith(table), environ, stderr)
}

// serve runs a process with the settings of environ.
func serve(role config.Role, process Process, environ []string, stderr io.Writer) int {
	signal.Ignore(syscall.SIGPIPE) // a log reader that goes away must not end us
	cfg, err := config.Load(role, environ)
	if err := errors.Join(err, checkURLs(cfg)); err != nil {
		listFaults(stderr, role, err)
		return exitUsage
	}
	log := logging.New(stderr, cfg.LogFormat, cfg.LogLevel).With("process", string(role))
	queue.LogTo(log)
	soft, hard := untilSignals(context.Background()) //nolint:forbidigo // this is main, for three programs
	log.InfoContext(soft, "starting", "version", Version())
	if err := process(soft, hard, cfg, log); err != nil {
		log.ErrorContext(soft, "ended by an error", "err", err)
		return exitFailed
	}
	log.InfoContext(soft, "stopped")
	return exitFine
}

func processes() map[config.Role]Process {
	return map[config.Role]Process{
		config.API: runAPI, config.Worker: workerWith(ownJobs), config.Scheduler: runScheduler,
	}
}

// listFaults prints every fault of the configuration, each on its own line.
func listFaults(w io.Writer, role config.Role, err error) {
	fmt.Fprintf(w, "%s: the configuration has faults:\n", role)
	faults := invalid.All(err)
	for _, fault := range faults {
		fmt.Fprintf(w, "  %s\n", fault)
	}
	if len(faults) == 0 {
		fmt.Fprintf(w, "  %v\n", err)
	}
}

var errSignal = errors.New("stopped by a signal")

// untilSignals returns a context that ends at the first SIGTERM or SIGINT and
// one that ends at the second.
func untilSignals(ctx context.Context) (soft, hard context.Context) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	soft, stopSoft := context.WithCancelCause(ctx)
	hard, stopHard := context.WithCancelCause(ctx)
	go func() {
		<-signals
		stopSoft(errSignal)
		<-signals
		stopHard(errSignal)
	}()
	return soft, hard
}
