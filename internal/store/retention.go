package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/user"
)

// DeleteOldSession deletes the oldest session that ended over so many days ago,
// with its records and the fire that started it, and returns how many records
// these were; found is false when there is none. What accounts and holds say of
// it stays: their links outlive what they point at.
func (s *Store) DeleteOldSession(ctx context.Context, days int) (records int, found bool, err error) {
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		old, err := q.OldSession(ctx, int32(days))
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for an old session: %w", err)
		}
		if err := q.DeleteFireOfSession(ctx, old.SessionID); err != nil {
			return fmt.Errorf("delete the fire of session %s: %w", old.SessionID, err)
		}
		if err := q.DeleteSession(ctx, old.SessionID); err != nil {
			return fmt.Errorf("delete session %s: %w", old.SessionID, err)
		}
		records, found = int(old.TotalInstances), true
		return nil
	})
	return records, found, away(err)
}

// DeleteOldFires deletes lines of the schedules' histories that are over so many
// days old and have no session, at most 2,000, and returns how many.
func (s *Store) DeleteOldFires(ctx context.Context, days int) (int64, error) {
	n, err := s.q.DeleteOldFires(ctx, dbq.DeleteOldFiresParams{Days: int32(days), RowLimit: batch})
	if err != nil {
		return 0, away(fmt.Errorf("delete old fires: %w", err))
	}
	return n, nil
}

// DropAuditMonth drops the audit trail's oldest month, when it is more than keep
// months before the present one, with an event that says so. It returns the
// partition's name; empty when there is none.
func (s *Store) DropAuditMonth(ctx context.Context, keep int) (dropped string, err error) {
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		dropped, err = q.DropAuditMonth(ctx, int32(keep))
		if err != nil {
			return fmt.Errorf("drop an old month of the audit trail: %w", err)
		}
		if dropped == "" {
			return nil
		}
		return insertAudit(ctx, q, user.Event{Action: "audit.drop_month", ObjectType: "audit", ObjectID: dropped, Detail: map[string]any{"kept_months": keep}})
	})
	return dropped, away(err)
}
