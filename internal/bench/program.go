package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// program is one running process of a stage.
type program struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
}

// kind is the name without a number: all workers are of one kind.
func (p *program) kind() string {
	kind, _, _ := strings.Cut(p.name, "-")
	return kind
}

// Limits of waiting for programs.
const (
	readyTime = time.Minute
	pollEvery = 50 * time.Millisecond
	drainTime = 15 * time.Second
)

// start runs a program with the stage's environment; its log is a file named
// after the stage.
func (s *stage) start(name, path string, args []string, env ...string) error {
	log, err := os.OpenFile(filepath.Join(s.b.logDir(), fmt.Sprintf("%s-%s-%s.log", s.figure, s.database, name)),
		os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make log of %s: %w", name, err)
	}
	defer func() { _ = log.Close() }() // the program has its own
	cmd := exec.Command(path, args...) //nolint:noctx // stopAll ends it in order
	cmd.Env, cmd.Stdout, cmd.Stderr = append(append([]string(nil), s.env...), env...), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	p := &program{name: name, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is in its log
	}()
	s.programs = append(s.programs, p)
	return nil
}

// stopAll asks all to stop and waits; who does not listen is killed.
func stopAll(ctx context.Context, programs []*program) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for _, p := range programs {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	for _, p := range programs {
		select {
		case <-p.done:
		case <-ctx.Done():
			_ = p.cmd.Process.Kill() // it may have ended
			<-p.done
		}
	}
}

// peakOf is the most memory that a process has had resident, in bytes, or 0
// when it has ended.
func peakOf(pid int) int64 { return memoryOf(pid, "VmHWM") }

// resident is how much memory the programs of a kind have now, in bytes.
func (s *stage) resident(kind string) int64 {
	var sum int64
	for _, p := range s.programs {
		if p.kind() == kind {
			sum += memoryOf(p.cmd.Process.Pid, "VmRSS")
		}
	}
	return sum
}

func memoryOf(pid int, field string) int64 {
	text, err := procField(fmt.Sprintf("/proc/%d/status", pid), field)
	if err != nil {
		return 0
	}
	kib, err := kibibytes(text)
	if err != nil {
		return 0
	}
	return kib << 10
}

// startAPI runs the api and waits until it is ready.
func (s *stage) startAPI(ctx context.Context) error {
	addr, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	if err := s.start("api", filepath.Join(s.b.bin, "api"), nil, "DBFLEET_HTTP_ADDR="+addr); err != nil {
		return err
	}
	if err := s.connect(ctx, addr); err != nil {
		return err
	}
	return s.await(ctx, "the api to be ready", readyTime, func(ctx context.Context) (bool, error) {
		answer, err := s.api.GetMeWithResponse(ctx)
		return err == nil && answer.JSON200 != nil, nil
	})
}

// startScheduler runs the scheduler and waits until it works.
func (s *stage) startScheduler(ctx context.Context) error {
	path, args := s.role("scheduler", "scheduler")
	if err := s.start("scheduler", path, args); err != nil {
		return err
	}
	return s.await(ctx, "the scheduler to work", readyTime, func(ctx context.Context) (bool, error) {
		return read[bool](ctx, s, `SELECT count(*) > 0 FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'dbfleet-scheduler'`)
	})
}

// startWorkers runs n workers of a role and waits until all have a lease.
func (s *stage) startWorkers(ctx context.Context, n int, kind string, env ...string) error {
	for i := range n {
		name := fmt.Sprintf("worker-%d", i+1)
		path, args := s.role(kind, name)
		if err := s.start(name, path, args, env...); err != nil {
			return err
		}
	}
	return s.await(ctx, "the workers to have leases", readyTime, func(ctx context.Context) (bool, error) {
		return read[bool](ctx, s, `SELECT count(*) = $1 FROM workers WHERE lease_until > now()`, n)
	})
}

// role returns how to run a role: the program itself, unless the run is
// profiled or only we have it.
func (s *stage) role(kind, name string) (path string, args []string) {
	profile := ""
	if s.b.profile != "" {
		profile = filepath.Join(s.b.profile, fmt.Sprintf("%s-%s-%s.pprof", s.figure, s.database, name))
	}
	if profile == "" && kind != roleNoop {
		return filepath.Join(s.b.bin, kind), nil
	}
	return s.b.self, []string{roleCommand, kind, profile}
}

// await polls until done reports true. It fails when a program has ended.
func (s *stage) await(ctx context.Context, what string, limit time.Duration, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("waited %s for %s", limit, what))
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok, err := done(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if ok || err != nil {
			return err
		}
		if err := s.ended(); err != nil {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// ended names the programs that are gone.
func (s *stage) ended() error {
	var faults []error
	for _, p := range s.programs {
		select {
		case <-p.done:
			faults = append(faults, fmt.Errorf("%s has ended: %s", p.name, p.cmd.ProcessState))
		default:
		}
	}
	return errors.Join(faults...)
}

// notePeaks reports the peak of every program that runs.
func (s *stage) notePeaks() {
	for _, p := range s.programs {
		s.b.report.notePeak(peak{of: s.label, process: p.kind(), bytes: peakOf(p.cmd.Process.Pid)})
	}
}

// freeAddr returns a loopback address on which nobody listens.
func freeAddr(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
