package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/localsvc"
)

// TestMain lets the smoke test run this program again in other roles, as the
// benchmark does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == roleCommand {
		os.Exit(playRole(os.Args[2:], os.Stderr))
	}
	if err := localsvc.Ensure(context.Background()); err != nil { // or the tests' limits would have to allow for it
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// testTime is only for a test that hangs.
const testTime = 10 * time.Minute

// smallest is so little of everything that a figure takes seconds. The session
// of the running ones is too big to end meanwhile.
func smallest() sizes {
	s := quickSizes()
	s.noop, s.tasks, s.workers = 50, 100, []int{1}
	s.history, s.each, s.running, s.streams, s.changes = 8, 50, 20_000, 25, 2
	s.rate, s.loadTime = 20, 200*time.Millisecond
	return s
}

// Some figures, with all that the others use: servers, stage, programs, our own
// worker, bare asynq, a history, streams, what Postgres tells, report.
func TestBenchMeasuresFiguresAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	bin, dir := t.TempDir(), filepath.Join(t.TempDir(), "bench")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin+"/", "../../cmd/api", "../../cmd/scheduler").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var table, progress strings.Builder
	b := &bench{
		options: options{only: []string{"noop", "reads", "streams"}, dir: dir, json: filepath.Join(t.TempDir(), "bench.json"), deadline: testTime},
		sizes:   smallest(), out: &progress, exit: noExit(t), self: self, bin: bin, report: newReport(),
	}
	if err := measureWith(t.Context(), b, &table); err != nil {
		t.Fatalf("%v\n%s\n%s\n%s", err, table.String(), progress.String(), logsOf(t, dir))
	}
	for _, want := range []string{"1 worker", "records/s", "bare asynq", "Postgres time", "memory", "asynq v", "statistics: whole range, p95", "25 clients, events to each"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, table.String())
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	checkJSON(t, b.json)
}

// noExit is the end of a process that is not ours to end.
func noExit(t *testing.T) func(int) {
	t.Helper()
	return func(code int) { t.Errorf("the process would have ended with %d", code) }
}

// Something that hangs beyond the deadline costs no more than itself.
func TestBenchThatHangsPrintsWhatThereIsAndEnds(t *testing.T) {
	t.Parallel()
	code := -1
	b := &bench{report: newReport(), exit: func(c int) { code = c }}
	b.report.add(line{Figure: "create", Case: "what there is"})
	var table strings.Builder
	b.giveUp(&table)
	if code != exitFailed || !strings.Contains(table.String(), errDeadline.Error()) || !strings.Contains(table.String(), "what there is") {
		t.Errorf("exit %d after:\n%s", code, table.String())
	}
}

func checkJSON(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var got body
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !got.Whole || len(got.Lines) < 6 || got.Lines[0].Value <= 0 || got.Lines[0].Ratio == nil || got.Machine.Postgres == "" {
		t.Errorf("the report is %+v", got)
	}
}

func logsOf(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "log", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(name + ":\n" + string(text[max(0, len(text)-4000):]) + "\n")
	}
	return all.String()
}

// What cannot be measured is said in the table, and is an error; so is a
// deadline that has passed.
func TestBenchSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bin      string
		deadline time.Duration
		want     string
	}{
		"no programs": {bin: "/nowhere", deadline: testTime, want: "/nowhere/api"},
		"no time":     {deadline: time.Nanosecond, want: errDeadline.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var table strings.Builder
			b := &bench{
				options: options{only: []string{"create"}, dir: filepath.Join(t.TempDir(), "bench"), deadline: c.deadline},
				sizes:   smallest(), out: io.Discard, exit: noExit(t), bin: c.bin, report: newReport(),
			}
			if err := measureWith(t.Context(), b, &table); err == nil {
				t.Error("no error")
			}
			if !strings.Contains(table.String(), "FAILED") || !strings.Contains(table.String(), c.want) {
				t.Errorf("want %q in:\n%s", c.want, table.String())
			}
		})
	}
}

func TestParseOptionsRefusesUnknownFigures(t *testing.T) {
	t.Parallel()
	if o, err := parseOptions([]string{"-only", "create,get"}, io.Discard); err != nil || len(o.only) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := parseOptions([]string{"-only", "creat"}, io.Discard); err == nil {
		t.Error("an unknown figure is taken")
	}
	if _, err := parseOptions([]string{"create"}, io.Discard); err == nil {
		t.Error("an argument is taken")
	}
}

func TestInterruptedIsToldFromDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := whyEnded(ctx); err != errInterrupt { //nolint:errorlint // it is returned as it is
		t.Errorf("got %v", err)
	}
}
