package app

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/dbfleet/dbfleet/internal/cli"
	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/demo"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/migrations"
)

// Local does what the command line does without the API.
type Local struct {
	Environ []string // in the form of os.Environ
}

var _ cli.Local = Local{}

// MigrateUp implements cli.Local.
func (l Local) MigrateUp(ctx context.Context) ([]cli.Migration, error) {
	return l.migrate(func(db *sql.DB) ([]migrations.Step, error) { return migrations.Up(ctx, db) })
}

// MigrateDown implements cli.Local.
func (l Local) MigrateDown(ctx context.Context, to int64) ([]cli.Migration, error) {
	return l.migrate(func(db *sql.DB) ([]migrations.Step, error) { return migrations.DownTo(ctx, db, to) })
}

func (l Local) migrate(do func(*sql.DB) ([]migrations.Step, error)) ([]cli.Migration, error) {
	db, err := l.database()
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // nothing is left unwritten in it
	done, err := do(db)
	list := make([]cli.Migration, len(done))
	now := time.Now().UTC()
	for i, step := range done {
		list[i] = cli.Migration{Version: step.Version, Name: step.Name, AppliedAt: &now}
	}
	return list, err
}

// Migrations implements cli.Local.
func (l Local) Migrations(ctx context.Context) ([]cli.Migration, error) {
	db, err := l.database()
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // nothing is left unwritten in it
	states, err := migrations.Status(ctx, db)
	list := make([]cli.Migration, len(states))
	for i, state := range states {
		list[i] = cli.Migration{Version: state.Version, Name: state.Name}
		if !state.AppliedAt.IsZero() {
			list[i].AppliedAt = &state.AppliedAt
		}
	}
	return list, err
}

// CreateToken implements cli.Local.
func (l Local) CreateToken(ctx context.Context, request cli.TokenRequest) (secret.Text, error) {
	st, end, err := l.store(ctx)
	if err != nil {
		return secret.Text{}, err
	}
	defer end()
	token := store.NewToken{User: request.User, Role: request.Role, Name: request.Name}
	if request.Expires > 0 {
		at := time.Now().Add(request.Expires).UTC()
		token.Expires = &at
	}
	return st.CreateToken(ctx, token)
}

// store opens the database, whose schema must fit. The caller calls end.
func (l Local) store(ctx context.Context) (st *store.Store, end func(), err error) {
	parsed, err := l.parse()
	if err != nil {
		return nil, nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, parsed)
	if err != nil {
		return nil, nil, fmt.Errorf("open database: %w", err)
	}
	st = store.New(pool)
	if err := st.CheckSchema(ctx); err != nil {
		pool.Close()
		return nil, nil, err
	}
	return st, pool.Close, nil
}

func (l Local) parse() (*pgxpool.Config, error) {
	tools, err := config.LoadTools(l.Environ)
	if err != nil {
		return nil, err
	}
	parsed, err := parseDatabaseURL(tools.DatabaseURL)
	if err != nil {
		return nil, err
	}
	parsed.ConnConfig.ConnectTimeout = connectTimeout
	return parsed, nil
}

func (l Local) database() (*sql.DB, error) {
	parsed, err := l.parse()
	if err != nil {
		return nil, err
	}
	return stdlib.OpenDB(*parsed.ConnConfig.Copy()), nil
}

// Demo implements cli.Local.
func (l Local) Demo(ctx context.Context, options cli.DemoOptions) error {
	return demo.Run(ctx, options, func(environ []string) cli.Local { return Local{Environ: environ} })
}
