//go:build race

package e2e

// raced says that the tests run under the race detector: the programs then do too.
const raced = true
