package demo

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dbfleet/dbfleet/internal/cli"
)

func TestSecondDemoInAFolderSaysWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "postgres"), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(dir, "postgres", "localsvc.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = Run(t.Context(), cli.DemoOptions{Dir: dir, Streams: cli.Streams{Out: &out}}, nil)
	if err == nil || !strings.Contains(err.Error(), "another demo is running in "+dir) {
		t.Errorf("err = %v", err)
	}
}

func TestInterruptedCommandSaysNothingMore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out strings.Builder
	quiet := quietAfter{ctx, &out}
	say := func(word string) {
		if n, err := quiet.Write([]byte(word)); n != len(word) || err != nil {
			t.Errorf("wrote %d of %s, %v", n, word, err)
		}
	}
	say("before")
	cancel()
	say("after")
	if out.String() != "before" {
		t.Errorf("printed %q, want only what was said before the interrupt", out.String())
	}
}
