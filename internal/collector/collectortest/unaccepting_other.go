//go:build !linux

package collectortest

import "testing"

// Unaccepting needs Linux: elsewhere a queue of none still takes connections.
func Unaccepting(t testing.TB) int {
	t.Helper()
	t.Skip("needs Linux")
	return 0
}
