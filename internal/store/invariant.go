package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Violations looks for what must never be, whatever happened to workers, Redis
// or Postgres, and returns one line for each case; none is the only good answer.
// It reads whole tables: it is for tests, metrics at long intervals and the
// doctor. What only an end-to-end test can see (connections at the targets,
// secrets in logs) is not part of it.
func (s *Store) Violations(ctx context.Context) ([]string, error) {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, away(fmt.Errorf("begin: %w", err))
	}
	var found []string
	for _, look := range invariants(s.q.WithTx(tx)) {
		lines, err := look(ctx)
		if err != nil {
			return nil, away(fmt.Errorf("check invariants: %w", errors.Join(err, rollback(ctx, tx))))
		}
		found = append(found, lines...)
	}
	return found, rollback(ctx, tx)
}

// invariants lists the queries of queries/invariant.sql.
func invariants(q *dbq.Queries) []func(context.Context) ([]string, error) {
	return []func(context.Context) ([]string, error){
		q.SessionsWithWrongTotal,
		q.EndedSessionsWithOpenRecords,
		q.EndedSessionsWithOtherCounts,
		q.CancelledSessionsThatEndedOtherwise,
		q.RecordsWithImpossibleCounters,
		q.InstancesHeldTwice,
		q.LastSyncsOfNoCompletion,
		func(ctx context.Context) ([]string, error) {
			return q.CredentialsTriedTooOften(ctx, session.MaxUnproven)
		},
		q.BrokenAccountHistories,
		q.AccountsWithoutHistory,
		q.SessionsOfNoFire,
		q.FireTimesWithSeveralSessions,
		q.FiresWithWrongSession,
	}
}
