// Package store keeps DBFleet's own data in Postgres: all SQL of ours is here
// and in queries/. It knows rows and transactions; what a value means and
// whether a move is right is decided in the domain packages.
//
// One exported method is one transaction and one promise, stated in its
// comment. No transaction leaves the package. Every method that writes after a
// claim carries the claim and returns session.ErrClaimLost when another attempt
// has taken over.
//
// Lock order: schedule, then session, then record, then the described rows
// (instances, accounts). A loop's statement over many rows skips the locked
// ones and so never waits; only a cancel waits, for it must not miss a claim.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Store is the access to DBFleet's own database. Goroutines may share it. The
// pool belongs to the caller, who closes it after the last call.
type Store struct {
	// Serves is the table of what the workers can do; with the zero value every
	// new session is refused with session.ErrNotServed.
	Serves session.Serves

	pool  *pgxpool.Pool
	q     *dbq.Queries
	lives lives
	sums  singleflight.Group // statistics that are being summed up, by their filter
}

// New returns a Store that works on pool.
func New(pool *pgxpool.Pool) *Store {
	return &Store{pool: pool, q: dbq.New(pool)}
}

// inTx is transact for what sqlc has generated.
func (s *Store) inTx(ctx context.Context, do func(q *dbq.Queries) error) error {
	return s.transact(ctx, func(tx pgx.Tx) error { return do(s.q.WithTx(tx)) })
}

// transact runs do in one READ COMMITTED transaction and commits when it returns
// nil. A rollback outlives ctx, so that a cancelled caller leaves no lock
// behind; neither does a panic.
func (s *Store) transact(ctx context.Context, do func(tx pgx.Tx) error) (err error) {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	committed := false
	defer func() {
		if !committed {
			err = errors.Join(err, rollback(ctx, tx))
		}
	}()
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	return nil
}

const rollbackTimeout = 2 * time.Second

func rollback(ctx context.Context, tx pgx.Tx) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), rollbackTimeout,
		fmt.Errorf("rollback: over %s", rollbackTimeout))
	defer cancel()
	if err := tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		return fmt.Errorf("rollback: %w", err)
	}
	return nil
}

// violates reports whether err is the violation of the named constraint or
// unique index.
func violates(err error, constraint string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.ConstraintName == constraint
}
