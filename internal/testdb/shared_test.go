package testdb

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/localsvc"
)

func TestGivenServerIsUsedAndLeftClean(t *testing.T) {
	given := Target(t, localsvc.PostgresOptions{})
	t.Setenv(Env, given.URL(""))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var p process
	if err := p.start(ctx); err != nil {
		t.Fatal(err)
	}
	if p.server != nil {
		t.Error("a server was started beside the given one")
	}
	newDatabase(t, p.superuser, p.template)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if err := exec(ctx, withDatabase(given.URL(""), p.template), "SELECT 1"); err == nil {
		t.Error("the template is still there")
	}
}

func TestSweepRemovesOnlyAbandonedFolders(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	abandoned, living := rootWithRedis(t, ctx, "abandoned"), rootWithRedis(t, ctx, "living")
	young := filepath.Join(os.TempDir(), tempPrefix+"young")
	if err := abandoned.server.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{abandoned.path, young} {
		if err := os.MkdirAll(root, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-time.Hour)
	for _, root := range []string{abandoned.path, living.path} {
		if err := os.Chtimes(root, long, long); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	for path, want := range map[string]bool{abandoned.path: false, living.path: true, young: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %t, want %t", filepath.Base(path), err == nil, want)
		}
	}
}

type root struct {
	path   string
	server *localsvc.Redis
}

// rootWithRedis makes the folder of a test process, with the cheaper server in
// the place of Postgres.
func rootWithRedis(t *testing.T, ctx context.Context, name string) root { //nolint:revive // t comes first in helpers
	t.Helper()
	path := filepath.Join(os.TempDir(), tempPrefix+name)
	server, err := localsvc.StartRedis(ctx, localsvc.RedisOptions{Dir: filepath.Join(path, postgresName)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, server) })
	return root{path: path, server: server}
}
