package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

// DeletedInstance returns an instance that was deleted. Errors:
// fleet.ErrInstanceNotFound, fleet.ErrNotDeleted.
func (s *Store) DeletedInstance(ctx context.Context, id fleet.InstanceID) (fleet.Instance, error) {
	return deletedInstance(ctx, s.q, id)
}

func deletedInstance(ctx context.Context, q *dbq.Queries, id fleet.InstanceID) (fleet.Instance, error) {
	row, err := q.DeletedInstance(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err := instance(ctx, q, id); err != nil {
			return fleet.Instance{}, err
		}
		return fleet.Instance{}, fleet.ErrNotDeleted
	}
	if err != nil {
		return fleet.Instance{}, fmt.Errorf("read deleted instance %d: %w", id, err)
	}
	return toInstance(row.Instance, row.Tags), nil
}

// RestoreInstance brings a deleted instance back with its tags and history, and
// stores an audit event. Errors: *invalid.Error, fleet.ErrInstanceNotFound,
// fleet.ErrNotDeleted, fleet.ErrNameTaken.
func (s *Store) RestoreInstance(ctx context.Context, id fleet.InstanceID, r fleet.Restoration) (in fleet.Instance, err error) {
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		in, err = restoreInstance(ctx, q, id, r)
		return err
	})
	return in, err
}

func restoreInstance(ctx context.Context, q *dbq.Queries, id fleet.InstanceID, r fleet.Restoration) (fleet.Instance, error) {
	// Records are locked before the instance that they describe.
	if err := q.LockWaitingRecords(ctx, int64(id)); err != nil {
		return fleet.Instance{}, fmt.Errorf("lock waiting records of instance %d: %w", id, err)
	}
	if _, err := q.LockDeletedInstance(ctx, int64(id)); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fleet.Instance{}, fmt.Errorf("lock instance %d: %w", id, err)
	}
	old, err := deletedInstance(ctx, q, id)
	if err != nil {
		return fleet.Instance{}, err
	}
	in, err := r.Apply(old).Normalise()
	if err != nil {
		return fleet.Instance{}, err
	}
	err = q.RestoreInstance(ctx, dbq.RestoreInstanceParams{
		ID: int64(id), Name: in.Name, CredentialID: int64(in.CredentialID), Active: in.Active,
	})
	if err != nil {
		return fleet.Instance{}, instanceError("restore", in, err)
	}
	if err := q.RedirectWaitingRecords(ctx, int64(id)); err != nil {
		return fleet.Instance{}, fmt.Errorf("redirect waiting records of instance %d: %w", id, err)
	}
	err = insertAudit(ctx, q, instanceEvent("restore", id, map[string]any{
		"name": in.Name, "credential_id": in.CredentialID, "active": in.Active, "deleted_at": old.DeletedAt.UTC().Format(time.RFC3339),
	}))
	if err != nil {
		return fleet.Instance{}, err
	}
	return instance(ctx, q, id)
}
