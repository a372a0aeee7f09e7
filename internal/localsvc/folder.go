package localsvc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Names inside a server's folder. The lock file also marks the folder as ours:
// a folder with other content and without it is never emptied.
const (
	lockName = "localsvc.lock"
	pidName  = "localsvc.pid"
	logName  = "server.log"
	dataName = "data"
)

// staleTimeout bounds each wait for the end of a server of an earlier run.
const staleTimeout = 5 * time.Second

// ErrFolderInUse means that a living process runs a server in the folder.
var ErrFolderInUse = errors.New("folder is in use by another process")

// A folder is the place of one server, locked for the life of the server.
type folder struct {
	path string // absolute
	lock *os.File
}

// claimFolder locks dir, ends a server that an earlier owner left running in
// it, and empties it. It returns ErrFolderInUse when another process holds it.
func claimFolder(ctx context.Context, dir string) (*folder, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolve folder: %w", err)
	}
	if err := checkOurs(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil { // what a server calls its folder
		return nil, fmt.Errorf("resolve folder: %w", err)
	}
	lock, err := lockFile(filepath.Join(path, lockName))
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	f := &folder{path: path, lock: lock}
	if err := errors.Join(f.endStale(ctx), f.empty()); err != nil {
		f.release()
		return nil, err
	}
	return f, nil
}

// checkOurs refuses a folder that exists with content that we did not put
// there, so that a wrong path costs nobody their files.
func checkOurs(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into folder: %w", err)
	}
	if _, err := os.Lstat(filepath.Join(path, lockName)); err != nil {
		return fmt.Errorf("folder %s holds files that are not a private server's; choose another", path)
	}
	return nil
}

// lockFile opens name and locks it until the file is closed or the process
// ends. The file is not inherited by child processes.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || (err == nil && removed(f)) {
		err = ErrFolderInUse
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// removed reports whether the file that we locked is no longer the one of its
// name, because its owner removed it between our opening and locking it.
func removed(f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return true
	}
	named, err := os.Stat(f.Name())
	return err != nil || !os.SameFile(opened, named)
}

// file returns the path of name inside the folder.
func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// data returns the data folder, following the link of the fallback.
func (f *folder) data() string {
	if target, err := os.Readlink(f.file(dataName)); err == nil {
		return target
	}
	return f.file(dataName)
}

// empty removes everything but the lock.
func (f *folder) empty() error {
	if target, err := os.Readlink(f.file(dataName)); err == nil && isOutside(target) {
		if err := os.RemoveAll(filepath.Dir(target)); err != nil {
			return fmt.Errorf("remove data: %w", err)
		}
	}
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return fmt.Errorf("look into folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() == lockName {
			continue
		}
		if err := os.RemoveAll(f.file(e.Name())); err != nil {
			return fmt.Errorf("empty folder: %w", err)
		}
	}
	return nil
}

// remove deletes the folder and gives up the lock.
func (f *folder) remove() error {
	err := f.empty()
	if err == nil {
		err = os.RemoveAll(f.path)
	}
	f.release()
	return err
}

func (f *folder) release() { _ = f.lock.Close() }

// notePid records the server's process for a later run that finds it alive.
func (f *folder) notePid(pid int) error {
	return os.WriteFile(f.file(pidName), []byte(strconv.Itoa(pid)), 0o600)
}

// notedPid returns what notePid recorded, 0 when that is nothing.
func (f *folder) notedPid() (int, error) {
	raw, err := os.ReadFile(f.file(pidName))
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(raw) == 0) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read process number of an earlier run: %w", err)
	}
	pid, err := strconv.Atoi(string(raw))
	if err != nil {
		return 0, fmt.Errorf("process number of an earlier run: %w", err)
	}
	return pid, nil
}

// endStale ends the server that an earlier run left in the folder. A process
// counts as that server only while it works in our data folder: numbers of
// processes are used again.
func (f *folder) endStale(ctx context.Context) error {
	pid, err := f.notedPid()
	if err != nil {
		return err
	}
	if !f.runs(pid) {
		return nil
	}
	resumeTree(pid)
	_ = syscall.Kill(pid, syscall.SIGQUIT) // both servers end at once
	gone := func() (bool, error) { return !f.runs(pid), nil }
	if err := pollFor(ctx, staleTimeout, "end of an earlier run", gone); err == nil || ctx.Err() != nil {
		return err
	}
	killTree(pid)
	return pollFor(ctx, staleTimeout, "death of an earlier run", gone)
}

func (f *folder) runs(pid int) bool {
	return pid > 0 && workingFolder(pid) == f.data()
}

// pollFor asks done every few milliseconds until it says yes or fails, at most
// for the given time.
func pollFor(ctx context.Context, most time.Duration, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("over %s", most))
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Clean ends the server that a killed owner left in dir and removes dir. It
// returns ErrFolderInUse while the owner lives, and an error for a folder that
// is not a private server's. A missing folder is fine.
func Clean(ctx context.Context, dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	f, err := claimFolder(ctx, dir)
	if err != nil {
		return err
	}
	return f.remove()
}
