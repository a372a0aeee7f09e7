package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/localsvc"
)

// life is somebody with a terminal beside the servers of a cluster.
type life struct {
	*cluster

	maria *localsvc.MariaDB
	hosts []string // addresses of both targets
	env   []string // of the commands
}

// printed is what one command wrote.
type printed struct{ out, err string }

// items is a list of the API, or a page of one.
type items[T any] struct{ Items []T }

// run runs one command, which must end with the wanted exit code.
func (l *life) run(want int, input string, args ...string) printed {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), filepath.Join(binaries, "dbfleet"), args...)
	cmd.Env, cmd.Stdin = l.cluster.env(l.env...), strings.NewReader(input)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	var exit *exec.ExitError
	if fault := cmd.Run(); fault != nil && !errors.As(fault, &exit) {
		l.t.Fatalf("run dbfleet %v: %v", args, fault)
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		l.t.Fatalf("dbfleet %v exited with %d, want %d:\n%s%s", args, code, want, &out, &err)
	}
	return printed{out.String(), err.String()}
}

// ask runs one command with --json and returns its only document: the answer,
// or where the command could not run what it says of that.
func ask[T any](l *life, want int, args ...string) T {
	l.t.Helper()
	got := l.run(want, "", append(args, "--json")...)
	text, none := got.out, got.err
	if want == 2 {
		text, none = got.err, got.out
	}
	var answer T
	if err := json.Unmarshal([]byte(text), &answer); err != nil || none != "" {
		l.t.Fatalf("dbfleet %v printed no single document (%v): %s%s", args, err, got.out, got.err)
	}
	return answer
}

// poll runs done, which asks by a command, until it reports true.
func (l *life) poll(what string, limit time.Duration, done func() bool) {
	l.t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(500 * time.Millisecond) // a command costs a process
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			l.t.Fatalf("%s: not within %s", what, limit)
		case <-tick.C:
		}
	}
}

func (l *life) mariaSQL(statements ...string) {
	l.t.Helper()
	if err := l.maria.Exec(l.t.Context(), "", statements...); err != nil {
		l.t.Fatal(err)
	}
}

// closedPort is one that nobody listens on.
func (l *life) closedPort() int { return 1 }

const columnNames = "name,engine,host,port,database,credential,tls_mode,tls_ca,tls_server_name,host_key,tags,active"

// rows is the fleet as a file has it. Ten instances share a host key, so that
// the limit of one host is not that of the whole test.
func (l *life) rows() []string {
	var rows []string
	for _, kind := range []struct {
		name, engine, database, credential string
		port, count                        int
	}{
		{"pg", "postgresql", "postgres", "fleet", l.target.Port(), livePostgres},
		{"maria", "mysql", "", "fleet", l.maria.Port(), liveMaria},
		{"stale", "postgresql", "postgres", "stale", l.target.Port(), staleLogins},
		{"closed", "postgresql", "postgres", "fleet", l.closedPort(), closedPorts},
	} {
		for i := range kind.count {
			rows = append(rows, fmt.Sprintf("%s-%04d,%s,%s,%d,%s,%s,disable,,,%s-rack-%d,life,true",
				kind.name, i, kind.engine, l.hosts[i%len(l.hosts)], kind.port, kind.database, kind.credential, kind.name, i/10))
		}
	}
	return rows
}

// same compares two files by their lines, whose order is free.
func (l *life) same(name, want string) {
	l.t.Helper()
	a, b := l.lines(name), l.lines(want)
	if slices.Equal(a, b) {
		return
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			l.t.Fatalf("%s has %q, %s has %q", name, a[i], want, b[i])
		}
	}
	l.t.Fatalf("%s has %d lines, %s has %d", name, len(a), want, len(b))
}

func (l *life) lines(name string) []string {
	l.t.Helper()
	text, err := os.ReadFile(l.file(name))
	if err != nil {
		l.t.Fatal(err)
	}
	return slices.Sorted(slices.Values(strings.Split(string(text), "\n")))
}
