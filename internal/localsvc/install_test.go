package localsvc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What a script has changed on the machine is undone by its traps.
func TestScriptThatIsStoppedRunsItsTraps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	started, undone := filepath.Join(dir, "started"), filepath.Join(dir, "undone")
	errStop := errors.New("the time is up")
	ctx, stop := context.WithCancelCause(within(t))
	defer stop(nil)
	ended := make(chan error, 1)
	go func() {
		ended <- runScript(ctx, []string{"/bin/sh"}, `trap 'touch "$2"' EXIT
			trap 'exit 1' TERM
			touch "$1"
			while :; do sleep 0.01; done`, started, undone)
	}()
	err := pollFor(within(t), time.Minute, "the script", func() (bool, error) {
		_, err := os.Stat(started)
		return err == nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	stop(errStop)
	if err := <-ended; !errors.Is(err, errStop) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(undone); err != nil {
		t.Errorf("the trap did not run: %v", err)
	}
}
