//go:build race

package httpapi_test

// manyLines is less here: the detector makes each line ten times as slow.
const manyLines = 10_000
