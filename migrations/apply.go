package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Step is one migration that was applied or taken back.
type Step struct {
	Version int64
	Name    string
}

// ErrNewer says that the schema has migrations that this binary does not know.
var ErrNewer = errors.New("schema is newer than this binary")

// Up applies every migration that is missing and returns them in order, or
// ErrNewer. Two callers at once are fine: a lock orders them.
func Up(ctx context.Context, db *sql.DB) ([]Step, error) {
	p, err := provider(db)
	if err != nil {
		return nil, err
	}
	if err := checkKnown(ctx, p); err != nil {
		return nil, err
	}
	done, err := p.Up(ctx)
	if err != nil {
		return steps(done), fmt.Errorf("migrate up: %w", err)
	}
	return steps(done), nil
}

func checkKnown(ctx context.Context, p *goose.Provider) error {
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	want, err := Latest()
	if err != nil {
		return err
	}
	if have > want {
		return fmt.Errorf("%w: it has version %d and this binary knows %d: run a newer binary", ErrNewer, have, want)
	}
	return nil
}

// DownTo takes back every migration above version and returns them in order.
// What their tables held is lost.
func DownTo(ctx context.Context, db *sql.DB, version int64) ([]Step, error) {
	p, err := provider(db)
	if err != nil {
		return nil, err
	}
	done, err := p.DownTo(ctx, version)
	if err != nil {
		return steps(done), fmt.Errorf("migrate down: %w", err)
	}
	return steps(done), nil
}

func provider(db *sql.DB) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("make migration lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, FS, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

func steps(done []*goose.MigrationResult) []Step {
	list := make([]Step, len(done))
	for i, r := range done {
		list[i] = Step{Version: r.Source.Version, Name: r.Source.Path}
	}
	return list
}

// State is one migration that this binary knows.
type State struct {
	Step
	AppliedAt time.Time // zero when it is not applied
}

// Status returns every migration that this binary knows, in order.
func Status(ctx context.Context, db *sql.DB) ([]State, error) {
	p, err := provider(db)
	if err != nil {
		return nil, err
	}
	found, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read migration status: %w", err)
	}
	list := make([]State, len(found))
	for i, f := range found {
		list[i] = State{Step: Step{Version: f.Source.Version, Name: f.Source.Path}, AppliedAt: f.AppliedAt}
	}
	return list, nil
}
