package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Limits of starting and stopping.
const (
	readyTime = time.Minute
	readyPoll = 100 * time.Millisecond
	stopTime  = 40 * time.Second
)

// startProcesses starts api, scheduler and two workers, each with its own log,
// and waits until the API is ready. stop ends what was started, also after an
// error.
func (d *demo) startProcesses(ctx context.Context) (stop func(), err error) {
	var started []*exec.Cmd
	stop = func() { stopAll(started) }
	for _, p := range []struct{ program, log, monitor string }{
		{"api", "api.log", ""},
		{"scheduler", "scheduler.log", "127.0.0.1:0"},
		{"worker", "worker-1.log", "127.0.0.1:0"},
		{"worker", "worker-2.log", "127.0.0.1:0"},
	} {
		cmd, err := d.startProcess(p.program, p.log, p.monitor)
		if err != nil {
			return stop, err
		}
		started = append(started, cmd)
	}
	d.say("Started api, scheduler and two workers; waiting until they are ready …")
	return stop, d.awaitReady(ctx)
}

func (d *demo) startProcess(program, logName, monitor string) (*exec.Cmd, error) {
	log, err := os.Create(filepath.Join(d.dir, "log", logName))
	if err != nil {
		return nil, fmt.Errorf("make log of %s: %w", program, err)
	}
	defer func() { _ = log.Close() }()      // the process has its own
	cmd := exec.Command(d.program(program)) //nolint:noctx // it is ended in order, by stopAll
	cmd.Env, cmd.Stderr = d.env, log
	if monitor != "" {
		cmd.Env = append(append([]string(nil), d.env...), "DBFLEET_MONITOR_ADDR="+monitor)
	}
	// Its own group: Ctrl-C reaches the demo alone, which stops it in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return cmd, nil
}

// stopAll asks all to stop, then waits; who does not listen is killed.
func stopAll(started []*exec.Cmd) {
	for _, cmd := range started {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	late := time.AfterFunc(stopTime, func() {
		for _, cmd := range started {
			_ = cmd.Process.Kill() // it may have ended
		}
	})
	defer late.Stop()
	for _, cmd := range started {
		_ = cmd.Wait() // how it ended is in its log
	}
}

// awaitReady asks /readyz until it answers 200.
func (d *demo) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTime,
		fmt.Errorf("the api was not ready within %s: see %s", readyTime, filepath.Join(d.dir, "log")))
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		if d.ready(ctx) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func (d *demo) ready(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.monitor+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Client{Timeout: time.Second}).Do(req)
	if err != nil {
		return false
	}
	return errors.Join(resp.Body.Close()) == nil && resp.StatusCode == http.StatusOK
}
