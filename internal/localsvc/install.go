package localsvc

import (
	"cmp"
	"context"
	_ "embed" // for the script
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// installTimeout bounds the installation of one package, its download and the
	// wait for another installation included.
	installTimeout = 15 * time.Minute
	// installGrace is what an installation gets to end in order after that.
	installGrace = time.Minute
)

// installScript installs the packages given to it as root; see its comments.
//
//go:embed install.sh
var installScript string

// The Debian packages of the servers. MariaDB's programs alone: the package
// mariadb-server makes a server of its own.
const (
	postgresPackage = "postgresql"
	redisPackage    = "redis-server"
)

func mariadbPackages() []string { return []string{"mariadb-server-core", "mariadb-client-core"} }

// ensure returns what find finds, after installing the Debian packages when it
// finds nothing and the caller may install.
func ensure(ctx context.Context, find func() (string, error), packages ...string) (string, error) {
	path, err := find()
	if err == nil {
		return path, nil
	}
	if instErr := install(ctx, packages); instErr != nil {
		return "", fmt.Errorf("%w; install what is missing (apt-get install %s): %w", err, strings.Join(packages, " "), instErr)
	}
	return find()
}

// install installs Debian packages without letting them start a server. It is
// not cut off when ctx ends: a caller's limit is made for a start.
func install(ctx context.Context, packages []string) error {
	shell, err := rootShell(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), installTimeout, fmt.Errorf("over %s", installTimeout))
	defer cancel()
	fmt.Fprintln(os.Stderr, "installing from Debian:", strings.Join(packages, " "))
	return runScript(ctx, shell, installScript, packages...)
}

// runScript runs a script to its end. When ctx ends first it asks the shell to
// stop, so that the script's traps run.
func runScript(ctx context.Context, shell []string, script string, args ...string) error {
	cmd := exec.CommandContext(ctx, shell[0], slices.Concat(shell[1:], []string{"-s", "--"}, args)...)
	cmd.Stdin = strings.NewReader(script)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = installGrace
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return fmt.Errorf("%w: %s", err, lastLines(string(out), 5))
	}
	return nil
}

// rootShell returns the command of a shell with root's rights, or an error
// that says why there is none.
func rootShell(ctx context.Context) ([]string, error) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, errors.New("there is no apt-get on this system")
	}
	if os.Geteuid() == 0 {
		return []string{"/bin/sh"}, nil
	}
	if err := exec.CommandContext(ctx, "sudo", "-n", "true").Run(); err != nil {
		return nil, errors.New("this account may not install packages (no root, no sudo without a password)")
	}
	return []string{"sudo", "-n", "/bin/sh"}, nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// findPostgres returns the folder with initdb and postgres: that of the
// newest version below Debian's folder, or the one on the PATH.
func findPostgres() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is valid
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	for _, dir := range dirs {
		if isProgram(filepath.Join(dir, "postgres")) && isProgram(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	return "", errors.New("the PostgreSQL server is not installed")
}

// version reads the 15 of /usr/lib/postgresql/15/bin; 0 when there is none.
func version(bin string) float64 {
	n, err := strconv.ParseFloat(filepath.Base(filepath.Dir(bin)), 64)
	if err != nil {
		return 0
	}
	return n
}

// findProgram returns the path of a program on the PATH or in one of dirs.
func findProgram(name string, dirs ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range dirs {
		if path := filepath.Join(dir, name); isProgram(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", name)
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
