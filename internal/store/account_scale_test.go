package store

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
)

// One big instance must not take a worker's memory beyond its own snapshot.
func TestMergeOfManyAccountsCostsLittleMemory(t *testing.T) { //nolint:paralleltest // it measures the heap of the whole process
	const many, limit = 50_000, 100 << 20 // accounts, bytes
	b := newAccounts(t)
	all := people(1, many)
	measure := func(name string, snap account.Snapshot) {
		began := time.Now()
		grown := heapGrowth(t, func() {
			if _, err := b.tryMerge(t.Context(), snap); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %s, %d MB", name, time.Since(began).Round(time.Millisecond), grown>>20)
		if grown > limit {
			t.Errorf("%s: the heap grew by %d MB", name, grown>>20)
		}
	}
	measure("first read", snapshot(all))
	measure("unchanged", snapshot(all))
	measure("incomplete", snapshot(all, account.Gap{Database: "app"}))
	for i := range all {
		all[i].Superuser = true
	}
	measure("all changed", snapshot(all))
	b.checkHistory(t)
}

// heapGrowth returns by how many bytes the live heap grew at most while do ran.
func heapGrowth(t *testing.T, do func()) uint64 {
	t.Helper()
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	before := stats.HeapAlloc
	var most atomic.Uint64
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most.Store(max(most.Load(), now.HeapAlloc))
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(done)
	<-watched
	return max(most.Load(), before) - before
}
