//go:build !race

package httpapi_test

// manyLines is the most that one file may hold.
const manyLines = 100_000
