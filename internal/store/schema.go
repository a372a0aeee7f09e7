package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbfleet/dbfleet/migrations"
)

// ErrSchema says that the database's schema is not the one that this binary
// was built for.
var ErrSchema = errors.New("schema does not fit")

// ErrNewerSchema is the ErrSchema of a schema that a newer binary has brought.
// A process that works already goes on with it: a migration leaves what the
// binary before it needs.
var ErrNewerSchema = fmt.Errorf("%w: it is newer", ErrSchema)

// CheckSchema reports whether Postgres answers and holds the schema of this
// binary. Errors: ErrSchema or ErrNewerSchema, with both versions and what to do.
func (s *Store) CheckSchema(ctx context.Context) error {
	want, err := migrations.Latest()
	if err != nil {
		return err
	}
	have, err := s.SchemaVersion(ctx)
	switch {
	case err != nil:
		return err
	case have < want:
		return fmt.Errorf("%w: it has version %d and this binary needs %d: run dbfleet migrate", ErrSchema, have, want)
	case have > want:
		return fmt.Errorf("%w: it has version %d and this binary knows %d: run a newer binary", ErrNewerSchema, have, want)
	}
	return nil
}

const undefinedTable = "42P01"

// SchemaVersion is the version of the newest applied migration; 0 for an empty
// database. The table is goose's own, which is why sqlc does not know it.
func (s *Store) SchemaVersion(ctx context.Context) (int64, error) {
	var version int64
	err := s.pool.QueryRow(ctx, "SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == undefinedTable {
		return 0, nil
	}
	if err != nil {
		return 0, away(fmt.Errorf("read schema version: %w", err))
	}
	return version, nil
}
