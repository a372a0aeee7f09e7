package localsvc

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFolderWithForeignFilesIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "precious")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := StartRedis(within(t), RedisOptions{Dir: dir}); err == nil {
		t.Error("a server was started there")
	}
	if err := Clean(within(t), dir); err == nil {
		t.Error("it was cleaned")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestFolderOfLivingServerIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "redis")
	startRedis(t, RedisOptions{Dir: dir})
	if _, err := StartRedis(within(t), RedisOptions{Dir: dir}); !errors.Is(err, ErrFolderInUse) {
		t.Errorf("second start: %v, want ErrFolderInUse", err)
	}
	if err := Clean(within(t), dir); !errors.Is(err, ErrFolderInUse) {
		t.Errorf("clean: %v, want ErrFolderInUse", err)
	}
}

func TestCleanOfMissingFolderIsFine(t *testing.T) {
	t.Parallel()
	if err := Clean(within(t), filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
}

func TestFolderIsTakenOverFromAbandonedServer(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "pg")
		old := startPostgres(t, PostgresOptions{Dir: dir})
		old.folder.release() // what the kernel does when the owner dies
		fresh := startPostgres(t, PostgresOptions{Dir: dir})
		expectSuccession(t, old.server, fresh.server)
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "redis")
		old := startRedis(t, RedisOptions{Dir: dir})
		old.folder.release()
		fresh := startRedis(t, RedisOptions{Dir: dir})
		expectSuccession(t, old.server, fresh.server)
	})
	t.Run("paused", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "pg")
		old := startPostgres(t, PostgresOptions{Dir: dir})
		if err := old.Pause(); err != nil {
			t.Fatal(err)
		}
		old.folder.release()
		fresh := startPostgres(t, PostgresOptions{Dir: dir})
		expectSuccession(t, old.server, fresh.server)
	})
}

// expectSuccession checks that the fresh server has replaced the old one and
// disarms the old one's cleanup.
func expectSuccession(t *testing.T, old, fresh *server) {
	t.Helper()
	if !fresh.proc.running() {
		t.Error("the fresh server is not running")
	}
	select {
	case <-old.proc.exited:
	case <-within(t).Done():
		t.Error("the old server is still running")
	}
	old.folder = nil
}

func TestProcessOfAnotherFolderIsNotEnded(t *testing.T) {
	t.Parallel()
	bystander := startRedis(t, RedisOptions{})
	f, err := claimFolder(within(t), filepath.Join(t.TempDir(), "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.release()
	if err := f.notePid(bystander.Pid()); err != nil {
		t.Fatal(err)
	}
	if err := f.endStale(within(t)); err != nil {
		t.Fatal(err)
	}
	say(t, bystander, "PING", "+PONG")
}

// ownerEnv makes the test binary start the servers below its folder and wait,
// so that a test can kill it.
const ownerEnv = "LOCALSVC_TEST_OWNER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerEnv); dir != "" {
		own(dir)
	}
	if err := Ensure(context.Background()); err != nil { // or it would have to be within the tests' limits
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func own(dir string) {
	ctx := context.Background()
	_, pgErr := StartPostgres(ctx, PostgresOptions{Dir: filepath.Join(dir, "pg"), Fast: true})
	_, redisErr := StartRedis(ctx, RedisOptions{Dir: filepath.Join(dir, "redis")})
	if err := errors.Join(pgErr, redisErr); err != nil {
		_, _ = os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString("ready\n")
	select {}
}

func TestServersDieWithKilledOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	owner := exec.CommandContext(within(t), os.Args[0])
	owner.Env = append(os.Environ(), ownerEnv+"="+dir)
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != "ready" {
		t.Fatalf("owner: %q, %v", line, err)
	}
	left := []*folder{{path: filepath.Join(dir, "pg")}, {path: filepath.Join(dir, "redis")}}
	if err := owner.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // killed
	for _, f := range left {
		expectEnd(t, f)
		if err := Clean(within(t), f.path); err != nil {
			t.Error(err)
		}
	}
}

// expectEnd waits until no process works in the folder's data.
func expectEnd(t *testing.T, f *folder) {
	t.Helper()
	err := pollFor(within(t), 20*time.Second, "end of "+f.path, func() (bool, error) {
		dirs, err := filepath.Glob("/proc/[0-9]*/cwd")
		for _, dir := range dirs {
			if at, err := os.Readlink(dir); err == nil && at == f.data() {
				return false, nil
			}
		}
		return true, err
	})
	if err != nil {
		t.Error(err)
	}
}
