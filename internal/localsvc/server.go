package localsvc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startTimeout bounds one start of one server, from the process to its first
// answer. A start after a crash replays the log first.
const startTimeout = 60 * time.Second

// stopTimeout bounds an orderly stop; what has not stopped then is killed.
const stopTimeout = 20 * time.Second

// A server is what all kinds have in common. Its methods may be called by
// several goroutines.
type server struct {
	name    string // for messages
	folder  *folder
	addrs   []string // addresses it listens on; the first one is asked
	port    int
	quick   syscall.Signal // ends it at once, leaving what a crash leaves
	orderly syscall.Signal // ends it in order without waiting for clients

	command func() *exec.Cmd
	answers func(context.Context) error // nil once it serves

	mu   sync.Mutex // guards proc
	proc *process
}

// Host is the address on which the server is asked, usually 127.0.0.1.
func (s *server) Host() string { return s.addrs[0] }

// Port is the TCP port on every listen address; it never changes.
func (s *server) Port() int { return s.port }

// Addr is host:port.
func (s *server) Addr() string { return net.JoinHostPort(s.Host(), strconv.Itoa(s.port)) }

// Log is the path of the file with the server's output. It is gone after Stop.
func (s *server) Log() string { return s.folder.file(logName) }

// Pid is the number of the main process, also after its end.
func (s *server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc.pid()
}

// Stop ends the server in order, without waiting for its clients, and removes
// its folder with all data. After Stop only Stop may be called; it does
// nothing then.
func (s *server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.folder == nil {
		return nil
	}
	err := s.halt(ctx, s.orderly)
	err = errors.Join(err, s.folder.remove())
	s.folder = nil
	if err != nil {
		return fmt.Errorf("stop %s: %w", s.name, err)
	}
	return nil
}

// Kill ends the server as a crash would, keeping its data. Clients see their
// connections break. It returns when the process is gone.
func (s *server) Kill(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.halt(ctx, s.quick); err != nil {
		return fmt.Errorf("kill %s: %w", s.name, err)
	}
	return nil
}

// Restart kills the server unless it is dead already and starts it again on
// the same port and data. It returns when the server answers.
func (s *server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.halt(ctx, s.quick); err != nil {
		return fmt.Errorf("restart %s: %w", s.name, err)
	}
	if err := s.launch(ctx); err != nil {
		return fmt.Errorf("restart %s: %w", s.name, err)
	}
	return nil
}

// Pause freezes the server with its children until Resume: connections stay
// open and nothing answers. The kernel still accepts new connections.
func (s *server) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return pauseTree(s.proc.pid())
}

// Resume undoes Pause.
func (s *server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc.running() {
		resumeTree(s.proc.pid())
	}
}

// start chooses a port and starts the server, again with another port when
// somebody else was faster. It releases the folder when it fails.
func (s *server) start(ctx context.Context) error {
	err := errPortTaken
	for range startTries {
		if s.port, err = freePort(ctx, s.addrs); err != nil {
			break
		}
		if err = s.launch(ctx); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", s.name, err), s.folder.remove())
	}
	return nil
}

// launch starts the process and waits until it answers. The caller holds mu
// or is alone with s.
func (s *server) launch(ctx context.Context) error {
	if err := os.Truncate(s.Log(), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("empty server log: %w", err)
	}
	proc, err := startProcess(s.command(), s.Log())
	if err != nil {
		return err
	}
	s.proc = proc
	err = s.folder.notePid(proc.pid())
	if err == nil {
		err = s.await(ctx)
	}
	if err != nil {
		proc.kill()
	}
	return err
}

// await asks the server until it answers.
func (s *server) await(ctx context.Context) error {
	var last error
	err := pollFor(ctx, startTimeout, "an answer", func() (bool, error) {
		if !s.proc.running() {
			return false, s.diedAtStart()
		}
		last = s.answers(ctx)
		return last == nil, nil
	})
	if err != nil && s.proc.running() {
		err = fmt.Errorf("%w; last answer: %w; its log ends: %s", err, last, logTail(s.Log()))
	}
	return err
}

func (s *server) diedAtStart() error {
	tail := logTail(s.Log())
	if strings.Contains(tail, "Address already in use") {
		return errPortTaken
	}
	return fmt.Errorf("it ended at once; its log ends: %s", tail)
}

func (s *server) halt(ctx context.Context, sig syscall.Signal) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("over %s", stopTimeout))
	defer cancel()
	return s.proc.stop(ctx, sig)
}
