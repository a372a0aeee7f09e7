package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// bench is one run.
type bench struct {
	options
	sizes

	out     io.Writer // for progress
	exit    func(int) // ends this process
	self    string    // this program
	bin     string    // folder of the programs that are measured
	servers *servers
	keys    keys
	report  *report
	stages  int // so many have been set
}

// Limits of the end: of stopping everything, and of a figure that does not
// notice the deadline.
const (
	stopTime = time.Minute
	lateTime = 30 * time.Second
)

var (
	errDeadline  = errors.New("the deadline has passed")
	errNotWhole  = errors.New("not every figure was measured")
	errInterrupt = errors.New("interrupted")
)

// measure runs the chosen figures, prints what was measured in any case, and
// takes everything down. Its error says that something is missing.
func measure(ctx context.Context, o options, s sizes, stdout, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the programs: %w", err)
	}
	return measureWith(ctx, &bench{
		options: o, sizes: s, out: stderr, exit: os.Exit, self: self, bin: filepath.Dir(self), report: newReport(),
	}, stdout)
}

func measureWith(ctx context.Context, b *bench, stdout io.Writer) error {
	runtime.LockOSThread() // programs end with the thread that started them
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithTimeoutCause(ctx, b.deadline, errDeadline)
	defer cancel()
	late := time.AfterFunc(b.deadline+lateTime, func() { b.giveUp(stdout) })
	defer late.Stop()
	err := b.prepare(ctx)
	if err == nil {
		b.figures(ctx)
	} else {
		b.report.fault("setup", because(ctx, err))
	}
	if b.servers != nil && b.servers.redis != nil {
		b.report.notePeak(peak{of: "whole run", process: "redis", bytes: peakOf(b.servers.redis.Pid())})
	}
	err = errors.Join(b.report.close(), b.takeDown(ctx))
	return errors.Join(err, b.print(stdout))
}

// giveUp prints what there is and ends the process with all that it started:
// something hangs that should have seen the deadline.
func (b *bench) giveUp(stdout io.Writer) {
	b.report.fault("deadline", errDeadline)
	_ = b.report.close() // it is not whole
	_ = b.print(stdout)  // nothing is left to be done about it
	b.exit(exitFailed)   // programs and servers end with us
}

// prepare starts the servers and describes the machine.
func (b *bench) prepare(ctx context.Context) error {
	for _, dir := range []string{b.logDir(), b.profile} {
		if err := os.MkdirAll(dir, 0o700); dir != "" && err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
	}
	b.say("starting private servers below %s", b.dir)
	var err error
	if b.servers, err = startServers(ctx, b.dir); err != nil {
		return err
	}
	if b.keys, err = newKeys(b.dir); err != nil {
		return err
	}
	m, err := describe(ctx, b.servers)
	if err != nil {
		return err
	}
	b.report.describe(m, b.settings())
	return nil
}

func (b *bench) logDir() string { return filepath.Join(b.dir, "log") }

// figures measures one after the other. One that fails is said and does not
// keep the others from running.
func (b *bench) figures(ctx context.Context) {
	for _, f := range chosen(b.only) {
		if ctx.Err() != nil {
			b.report.fault(f.name, whyEnded(ctx))
			continue
		}
		began := time.Now()
		b.say("%s: %s", f.name, f.about)
		if err := f.measure(ctx, b); err != nil {
			err = because(ctx, err)
			b.report.fault(f.name, err)
			b.say("%s: %v", f.name, err)
		}
		b.report.took(f.name, time.Since(began))
		b.say("%s: %s", f.name, time.Since(began).Round(time.Millisecond))
	}
}

// because puts the reason before an error that came when the run had to end.
func because(ctx context.Context, err error) error {
	if why := whyEnded(ctx); ctx.Err() != nil && !errors.Is(err, why) {
		return fmt.Errorf("%w: %w", why, err)
	}
	return err
}

func whyEnded(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errDeadline) {
		return errDeadline
	}
	return errInterrupt
}

// say tells who watches how far it is.
func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.out, "%s  "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...) // nobody may watch
}

// takeDown stops the servers and removes what they had. The logs stay when
// something went wrong.
func (b *bench) takeDown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	err := errors.Join(b.servers.stop(ctx), b.keys.remove())
	if err == nil && b.report.whole() {
		return os.RemoveAll(b.dir)
	}
	b.say("logs are in %s", b.logDir())
	return err
}

// print writes the report to its file and to stdout.
func (b *bench) print(stdout io.Writer) error {
	var err error
	if b.json != "" {
		err = b.report.writeFile(b.json)
	}
	if b.jsonOut {
		return errors.Join(err, b.report.writeJSON(stdout))
	}
	return errors.Join(err, b.report.writeTable(stdout))
}
