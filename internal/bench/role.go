package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/pprof"

	"github.com/dbfleet/dbfleet/internal/app"
	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/runner"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/store"
)

// roleCommand is the first argument of this program when it plays another; a
// role follows, and a file for a CPU profile.
const roleCommand = "role"

// The roles besides those of package config.
const (
	roleNoop  = "noop-worker" // the worker around a job that does nothing
	roleTasks = "tasks"       // bare asynq
)

// playRole runs one role and returns its exit code.
func playRole(args []string, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(stderr, "bench: the role is missing")
		return exitUsage
	}
	if len(args) > 1 && args[1] != "" {
		stop, err := profileTo(args[1])
		if err != nil {
			fmt.Fprintln(stderr, "bench:", err)
			return exitFailed
		}
		defer stop()
	}
	switch args[0] {
	case roleNoop:
		return app.WorkerMain(os.Environ(), stderr, noopJobs)
	case roleTasks:
		return serveTasks(os.Environ(), stderr)
	}
	return app.Main(config.Role(args[0]), nil, os.Environ(), io.Discard, stderr)
}

func profileTo(name string) (stop func(), err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("make profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a profile that is cut off says so itself
	}, nil
}

// noopJobs serve accounts of every engine with nothing.
func noopJobs(s *store.Store) map[runner.Kind]runner.Job {
	jobs := map[runner.Kind]runner.Job{}
	for _, engine := range []fleet.Engine{fleet.PostgreSQL, fleet.MySQL} {
		jobs[runner.Kind{Engine: engine, Category: session.Account}] = noop{s}
	}
	return jobs
}

// noop reads nothing, and completes its record by one statement: what remains
// of a record is what every record costs.
type noop struct{ store *store.Store }

// Run implements runner.Job.
func (n noop) Run(ctx context.Context, t runner.Task) (runner.Report, error) {
	if !t.Proven { // or the others of the session would wait for a login
		if err := n.store.ProveLogin(ctx, t.Work); err != nil {
			return runner.Report{}, err
		}
	}
	t.Answered(ctx)
	return runner.Report{}, n.store.Close(context.WithoutCancel(ctx), t.Claim, session.RecordCompleted, nil, nil)
}
