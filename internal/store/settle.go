package store

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// CompleteAccounts stores what one attempt read and completes its record, both
// or neither. An instance that was deleted meanwhile keeps nothing: its record
// is skipped. The same call made again after an unknown outcome is harmless and
// returns the same items.
// Error: session.ErrClaimLost.
func (s *Store) CompleteAccounts(ctx context.Context, c session.Claim, snap account.Snapshot, rules account.HoldRules, details map[string]any) (session.Outcome, error) {
	out := session.Outcome{Server: snap.Server, Details: details}
	err := s.inTx(ctx, func(q *dbq.Queries) error {
		instance, err := holdClaim(ctx, q, c)
		if err != nil {
			return err
		}
		merged, err := mergeAccounts(ctx, q, c, instance, snap, rules)
		if err != nil {
			return err
		}
		out.Items, out.Partial = merged.Items, merged.Held || !snap.Complete()
		out.Details = map[string]any{}
		maps.Copy(out.Details, details)
		maps.Copy(out.Details, merged.Details)
		return complete(ctx, q, c, out, merged)
	})
	if errors.Is(err, errInstanceDeleted) {
		return out, s.Close(ctx, c, session.RecordSkipped, nil, map[string]any{"reason": "instance was deleted"})
	}
	if errors.Is(err, session.ErrClaimLost) {
		return s.completedBefore(ctx, c, out)
	}
	return out, away(err)
}

// completedBefore returns the outcome of a completion that this very attempt
// has committed without hearing of it, or session.ErrClaimLost.
func (s *Store) completedBefore(ctx context.Context, c session.Claim, out session.Outcome) (session.Outcome, error) {
	row, err := s.q.RecordRow(ctx, int64(c.Record))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return out, session.ErrClaimLost
	case err != nil:
		return out, away(fmt.Errorf("look for the completion of record %d: %w", c.Record, err))
	case row.Status != string(session.RecordCompleted) || int(row.Attempt) != c.Attempt:
		return out, session.ErrClaimLost
	}
	r := toRecord(row)
	out.Items, out.Partial = r.Items, r.Partial
	return out, nil
}

// errInstanceDeleted ends a transaction that has nothing left to describe.
var errInstanceDeleted = errors.New("instance was deleted")

// holdClaim locks the record for the rest of the transaction, before anything
// is stored for it.
func holdClaim(ctx context.Context, q *dbq.Queries, c session.Claim) (fleet.InstanceID, error) {
	instance, err := q.HoldsClaim(ctx, dbq.HoldsClaimParams{ID: int64(c.Record), Attempt: int32(c.Attempt), WorkerID: c.Worker})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, session.ErrClaimLost
	}
	if err != nil {
		return 0, fmt.Errorf("hold claim: %w", err)
	}
	return fleet.InstanceID(instance), nil
}

func complete(ctx context.Context, q *dbq.Queries, c session.Claim, out session.Outcome, m merged) error {
	encoded, err := encodeDetails(out.Details)
	if err != nil {
		return err
	}
	n, err := q.CompleteRecord(ctx, dbq.CompleteRecordParams{
		ID: int64(c.Record), Attempt: int32(c.Attempt), WorkerID: c.Worker,
		ItemsSynced: int32(out.Items.Synced), ItemsCreated: int32(out.Items.Created),
		ItemsUpdated: int32(out.Items.Updated), ItemsDeleted: int32(out.Items.Deleted),
		Partial: out.Partial, SyncDetails: encoded,
		Flavour: storable(out.Server.Flavour), Version: storable(out.Server.Version), Identity: storable(out.Server.Identity),
		KeepIdentity: m.KeepIdentity, OtherServer: m.Foreign,
	})
	return fenced(c, n, err, "complete record")
}
