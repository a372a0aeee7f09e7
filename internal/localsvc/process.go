package localsvc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// A process is one running server. It is reaped by the goroutine that started
// it, which ends with the process.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once the process is reaped
}

// startProcess starts cmd with its output appended to the file log.
func startProcess(cmd *exec.Cmd, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open server log: %w", err)
	}
	defer func() { _ = out.Close() }() // the child has its own copy
	cmd.Stdout, cmd.Stderr = out, out
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error, 1)
	go p.keep(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// keep starts the process and waits for it on one thread: Linux delivers the
// parent's death when the thread that started the child ends, so that thread
// must live as long as the child.
func (p *process) keep(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	_ = p.cmd.Wait() // how it ended is in its log
	close(p.exited)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// stop sends sig and waits for the end. When ctx ends first, it kills the
// process, waits for that, and returns ctx's cause. It returns nil for a
// process that has ended before.
func (p *process) stop(ctx context.Context, sig syscall.Signal) error {
	if !p.running() {
		return nil
	}
	resumeTree(p.pid()) // a frozen process handles no signal
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal server: %w", err)
	}
	select {
	case <-p.exited:
		return nil
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("server killed, it did not stop in time: %w", context.Cause(ctx))
	}
}

// kill ends the process and its children at once and waits for its end.
func (p *process) kill() {
	if p.running() {
		killTree(p.pid())
	}
	<-p.exited
}

// pauseTree freezes a process and its children, the parent first so that it
// starts no more of them.
func pauseTree(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("pause process %d: %w", pid, err)
	}
	return signalChildren(pid, syscall.SIGSTOP)
}

// resumeTree undoes pauseTree.
func resumeTree(pid int) {
	_ = signalChildren(pid, syscall.SIGCONT)
	_ = syscall.Kill(pid, syscall.SIGCONT)
}

// killTree kills a process and its children.
func killTree(pid int) {
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	_ = signalChildren(pid, syscall.SIGKILL)
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func signalChildren(pid int, sig syscall.Signal) error {
	var errs []error
	for _, child := range children(pid) {
		if err := syscall.Kill(child, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("signal process %d: %w", child, err))
		}
	}
	return errors.Join(errs...)
}

// logTail returns the last part of a server's log, for error messages.
func logTail(name string) string {
	const most = 2000 // bytes
	f, err := os.Open(name)
	if err != nil {
		return "(no log)"
	}
	defer func() { _ = f.Close() }()
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, end-most), io.SeekStart)
	}
	text, _ := io.ReadAll(f)
	return string(bytes.TrimSpace(text))
}
