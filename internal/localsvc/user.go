package localsvc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// outsidePrefix names the folders of the fallback, see asSystemUser.
const outsidePrefix = "dbfleet-postgres-"

// A runAs changes the attributes of a child process to those of the account
// that Postgres runs under.
type runAs func(*syscall.SysProcAttr)

func asCaller(*syscall.SysProcAttr) {}

// postgresAccount decides under which account Postgres runs in f and prepares
// the data folder for it. The data folder exists and is empty afterwards.
func postgresAccount(ctx context.Context, f *folder) (runAs, error) {
	if os.Geteuid() != 0 {
		return asCaller, os.Mkdir(f.file(dataName), 0o700)
	}
	as, err := asNamespace(ctx, f)
	if err == nil {
		return as, nil
	}
	as, fallbackErr := asSystemUser(ctx, f)
	if fallbackErr != nil {
		return nil, fmt.Errorf("postgres cannot run as root: %w", errors.Join(err, fallbackErr))
	}
	return as, nil
}

// asNamespace runs Postgres in a user namespace. The number inside must have
// a name, because initdb asks for it.
func asNamespace(ctx context.Context, f *folder) (runAs, error) {
	uid, gid, err := firstAccount("postgres", "nobody", "daemon")
	if err != nil {
		return nil, err
	}
	as := func(a *syscall.SysProcAttr) { inNamespace(a, uid, gid) }
	if err := os.Mkdir(f.file(dataName), 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	if err := probe(ctx, as, f.file(dataName)); err != nil {
		_ = os.Remove(f.file(dataName)) // the fallback puts a link there
		return nil, fmt.Errorf("user namespace: %w", err)
	}
	return as, nil
}

// asSystemUser runs Postgres as the system user postgres with its data in a
// folder for temporary files, to which the folder gets a link.
func asSystemUser(ctx context.Context, f *folder) (runAs, error) {
	uid, gid, err := firstAccount("postgres")
	if err != nil {
		return nil, err
	}
	outside, err := os.MkdirTemp("", outsidePrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	data := filepath.Join(outside, dataName)
	as := func(a *syscall.SysProcAttr) {
		a.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)} // from passwd
	}
	err = errors.Join(
		os.Symlink(data, f.file(dataName)), // first, so that empty finds the folder
		os.Chmod(outside, 0o711),           //nolint:gosec // the system user must pass
		os.Mkdir(data, 0o700),
		os.Chown(data, uid, gid),
	)
	if err == nil {
		err = probe(ctx, as, data)
	}
	if err != nil {
		return nil, fmt.Errorf("system user postgres: %w", err)
	}
	return as, nil
}

// isOutside reports whether data is a data folder that asSystemUser made.
func isOutside(data string) bool {
	parent := filepath.Dir(data)
	return filepath.Dir(parent) == filepath.Clean(os.TempDir()) &&
		strings.HasPrefix(filepath.Base(parent), outsidePrefix)
}

// probe reports whether a child with the account can start and write to dir.
func probe(ctx context.Context, as runAs, dir string) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", `: >"$1/probe" && rm "$1/probe"`, "sh", dir)
	cmd.Dir = "/" // ours may be closed to the account
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	as(cmd.SysProcAttr)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// firstAccount returns the numbers of the first of the names that exists.
func firstAccount(names ...string) (uid, gid int, err error) {
	for _, name := range names {
		var u *user.User
		if u, err = user.Lookup(name); err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		return uid, gid, errors.Join(uidErr, gidErr)
	}
	return 0, 0, fmt.Errorf("find an account for postgres: %w", err)
}

// giveTo gives the file name to the owner of like; only root needs that.
func giveTo(name, like string) error {
	info, err := os.Stat(like)
	if err != nil {
		return fmt.Errorf("look at data folder: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(name, int(owner.Uid), int(owner.Gid))
}

// writeFor writes a file that only the owner of like can read.
func writeFor(name, text, like string) error {
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write for the server: %w", err)
	}
	return giveTo(name, like)
}
