package testdb

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dbfleet/dbfleet/internal/localsvc"
)

// Names of the folder of one test process and of its server's folder in it.
const (
	tempPrefix   = "dbfleet-test-"
	postgresName = "postgres"
)

// sweep removes what test processes left behind that were killed. Folders of
// living processes are locked by localsvc and stay. It is housekeeping: what
// it cannot remove stays, too.
func sweep() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	roots, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPrefix+"*")) // the pattern is valid
	for _, root := range roots {
		if !abandoned(root) {
			continue
		}
		if localsvc.Clean(ctx, filepath.Join(root, postgresName)) == nil {
			_ = os.Remove(root) // fails unless empty
		}
	}
}

// abandoned reports whether a folder is ours and old enough that its process
// has locked it, if that still lives.
func abandoned(root string) bool {
	info, err := os.Lstat(root)
	if err != nil || time.Since(info.ModTime()) < time.Minute {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid()
}
