package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dbfleet/dbfleet/internal/localsvc"
)

// Exit codes.
const (
	exitFine   = 0
	exitFailed = 1 // a figure could not be measured
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == roleCommand {
		return playRole(args[1:], stderr)
	}
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitFine
	case err != nil:
		fmt.Fprintln(stderr, "bench:", err)
		return exitUsage
	case o.list:
		listFigures(stdout)
		return exitFine
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)                 // a second signal ends us at once
	if err := localsvc.Ensure(ctx); err != nil { // before the deadline counts
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
	s := usualSizes()
	if o.quick {
		s = quickSizes()
	}
	if err := measure(ctx, o, s, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
	return exitFine
}

// options is what the command line says.
type options struct {
	only       []string      // names of figures; none: all
	list       bool          // only tell the names
	dir        string        // absolute: servers, logs
	json       string        // absolute: the report as a file
	jsonOut    bool          // the report as JSON on stdout in place of the table
	deadline   time.Duration // of everything
	profile    string        // absolute: CPU profiles of workers and scheduler; "": none
	quick      bool          // far less of everything
	statements bool          // the most costly statements of each figure
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	var only string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&only, "only", "", "figures to measure, separated by commas; empty is all")
	flags.BoolVar(&o.list, "list", false, "list the figures and stop")
	flags.StringVar(&o.dir, "dir", ".run/bench", "folder for servers and logs")
	flags.StringVar(&o.json, "json", ".run/bench.json", "file for the report")
	flags.BoolVar(&o.jsonOut, "json-out", false, "print the report as JSON in place of the table")
	flags.DurationVar(&o.deadline, "deadline", 19*time.Minute, "print what there is and fail after this time")
	flags.StringVar(&o.profile, "profile", "", "folder for CPU profiles of scheduler and workers")
	flags.BoolVar(&o.quick, "quick", false, "measure far less of everything, to see whether it works")
	flags.BoolVar(&o.statements, "statements", false, "tell the most costly statements of each figure on stderr")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	o.only = strings.FieldsFunc(only, func(r rune) bool { return r == ',' || r == ' ' })
	return o, errors.Join(checkNames(o.only), absolute(&o.dir, &o.json, &o.profile))
}

// absolute makes the paths that are given absolute.
func absolute(paths ...*string) error {
	for _, path := range paths {
		if *path == "" {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("find folder: %w", err)
		}
		*path = abs
	}
	return nil
}
