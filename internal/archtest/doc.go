// Package archtest holds the test that keeps the shape of the code: which
// package may import which. The table in table_test.go is the architecture;
// an import that is not in it, and a package that is not in it, fail the test.
//
// The files are parsed rather than asked for with `go list`, because the test
// cache would not see that they have changed.
package archtest
