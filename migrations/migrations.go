// Package migrations holds the schema of DBFleet's own Postgres database, as
// goose migrations. It knows no connection: `dbfleet migrate` and the tests
// apply them, a serving process only compares versions.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// FS holds the migration files, embedded in the binary.
//
//go:embed *.sql
var FS embed.FS

// Latest is the version of the newest embedded migration: the schema that
// this binary was built for.
func Latest() (int64, error) {
	names, err := fs.Glob(FS, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("list embedded migrations: %d files: %w", len(names), err)
	}
	number, _, _ := strings.Cut(names[len(names)-1], "_")
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("migration file %s has no number: %w", names[len(names)-1], err)
	}
	return version, nil
}
