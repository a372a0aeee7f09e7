package collectortest

import (
	"runtime"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
)

// What the largest server may cost.
const (
	manyAccounts = 50_000
	manyBytes    = 256 << 20
)

// testMany reads 50,000 accounts within the memory that is promised.
func testMany(t *testing.T, h Harness) {
	t.Helper()
	server := h.Start(t)
	server.Exec(t, "", h.SQL.ManyUsers(manyAccounts))
	reader := h.NewReader(t, loopback(t))
	base := heap()
	start := time.Now()
	s, err := reader.ReadAccounts(t.Context(), server.Target(), patient(), nil)
	took := time.Since(start)
	if err != nil {
		t.Fatal(err)
	}
	cost := heap() - base
	if len(s.Accounts) < manyAccounts {
		t.Errorf("%d accounts, want at least %d", len(s.Accounts), manyAccounts)
	}
	t.Logf("%d accounts in %s, %d kB", len(s.Accounts), took.Round(time.Millisecond), cost>>10)
	if cost > manyBytes {
		t.Errorf("%d bytes kept, want at most %d", cost, manyBytes)
	}
	checkMany(t, s)
}

func checkMany(t *testing.T, s account.Snapshot) {
	t.Helper()
	ids := make(map[string]bool, len(s.Accounts))
	for _, a := range s.Accounts {
		ids[a.Identity] = true
	}
	if len(ids) != len(s.Accounts) {
		t.Errorf("%d identities of %d accounts", len(ids), len(s.Accounts))
	}
}

// heap returns what is in use after a collection, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
