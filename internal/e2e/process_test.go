package e2e

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Folders of the programs under test, built once by TestMain. Those that are
// measured are always built as users build them; the others run under the race
// detector when the tests do.
var binaries, measured string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dbfleet-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder of the system's for such
	measured = filepath.Join(dir, "measured")
	binaries = measured
	err = build(measured)
	if raced && err == nil {
		binaries = filepath.Join(dir, "raced")
		err = build(binaries, "-race")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the programs:", err)
		return 1
	}
	if err := runMore(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// runMore lets twice as many tests run at once as there are processors, unless
// the command line says how many: most of their time they wait, for leases to
// end and for servers to start. Under the race detector they have more to do.
func runMore() error {
	flag.Parse()
	given := raced
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
}

func build(dir string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", dir+"/", "../../cmd/...")...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// process is one running program whose log is kept.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	done chan struct{}

	mu    sync.Mutex // guards lines
	lines []string
	err   error // of Wait; read after done
}

// start runs a program until the test ends.
func (c *cluster) start(program string, extra ...string) *process {
	c.t.Helper()
	return c.startFrom(binaries, program, extra...)
}

func (c *cluster) startFrom(dir, program string, extra ...string) *process {
	c.t.Helper()
	p := &process{t: c.t, name: program, done: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(dir, program))
	p.cmd.Env = c.env(extra...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	started := make(chan error)
	go p.run(bufio.NewScanner(stderr), started)
	if err := <-started; err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(p.cleanup)
	return p
}

// run starts the process and reads its log until it ends, all on one thread:
// the process dies with the thread that started it, which is ours until then.
func (p *process) run(lines *bufio.Scanner, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		p.mu.Unlock()
	}
	p.err = p.cmd.Wait()
	close(p.done)
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("signal %s to %s: %v", sig, p.name, err)
	}
}

// kill ends the process as a crash would, and waits for it.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	<-p.done
}

// exit waits for the process to end by itself and returns its exit code.
func (p *process) exit(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		p.t.Fatalf("%s did not exit within %s", p.name, limit)
	}
	return p.cmd.ProcessState.ExitCode()
}

// cleanup ends what still runs and shows its log when the test failed.
func (p *process) cleanup() {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(syscall.SIGCONT) // it may be stopped; it may have ended
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	if lines := p.log(); strings.Contains(strings.Join(lines, "\n"), "WARNING: DATA RACE") {
		p.t.Errorf("a data race in %s:\n%s", p.name, strings.Join(lines, "\n"))
	}
	if p.t.Failed() {
		p.t.Logf("log of %s:\n%s", p.name, strings.Join(tail(p.log(), 60), "\n"))
	}
}

func tail(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

func (p *process) log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// logged returns the log lines with that message, decoded.
func (p *process) logged(message string) []map[string]any {
	var found []map[string]any
	for _, line := range p.log() {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["msg"] == message {
			found = append(found, fields)
		}
	}
	return found
}
