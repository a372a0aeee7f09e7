package collectortest

import (
	"fmt"
	"testing"
)

// manyAccounts is what the largest server is expected to have.
const manyAccounts = 50_000

// testMany expects every account of a large server.
func testMany(t *testing.T, h Harness) {
	t.Helper()
	server := h.Start(t)
	server.Exec(t, "", h.SQL.ManyUsers(manyAccounts))
	names := map[string]int{}
	for _, a := range readComplete(t, h, server.Target()).Accounts {
		names[a.Name]++
	}
	for i := 1; i <= manyAccounts; i++ {
		if name := fmt.Sprintf("many_%d", i); names[name] != 1 {
			t.Fatalf("%s was read %d times", name, names[name])
		}
	}
}
