package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Keys returns every key that a password is sealed for, and those retired.
func (s *Store) Keys(ctx context.Context) ([]fleet.KeyUse, error) {
	rows, err := s.q.KeyUses(ctx)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	uses := make([]fleet.KeyUse, len(rows))
	for i, r := range rows {
		uses[i] = fleet.KeyUse{ID: secret.KeyID(r.KeyID), Credentials: int(r.Credentials), RetiredAt: r.RetiredAt}
	}
	return uses, nil
}

// SealedForOthers returns passwords that are sealed for another key, by id: at
// most limit, with ids over after.
func (s *Store) SealedForOthers(ctx context.Context, key secret.KeyID, limit int, after fleet.CredentialID) ([]fleet.SealedPassword, error) {
	rows, err := s.q.SealedForOthers(ctx, dbq.SealedForOthersParams{KeyID: string(key), After: int64(after), RowLimit: int32(limit)})
	if err != nil {
		return nil, fmt.Errorf("read sealed passwords: %w", err)
	}
	list := make([]fleet.SealedPassword, len(rows))
	for i, r := range rows {
		list[i] = fleet.SealedPassword{
			ID: fleet.CredentialID(r.ID), Name: r.Name, Version: int(r.Version), KeyID: secret.KeyID(r.KeyID), Sealed: r.Sealed,
		}
	}
	return list, nil
}

// Reseal replaces the sealed passwords that are still as they were read, all in
// one transaction with one audit event, and counts them. Their versions stay.
// Error: fleet.ErrKeyRetired.
func (s *Store) Reseal(ctx context.Context, list []fleet.Resealed) (resealed int, err error) {
	list = slices.SortedFunc(slices.Values(list), func(a, b fleet.Resealed) int { return int(a.Old.ID - b.Old.ID) })
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		var done []fleet.CredentialID
		for _, r := range list {
			ok, err := reseal(ctx, q, r)
			if err != nil {
				return err
			}
			if ok {
				done = append(done, r.Old.ID)
			}
		}
		if resealed = len(done); resealed == 0 {
			return nil
		}
		to := list[0].KeyID
		if err := checkKey(ctx, q, string(to)); err != nil {
			return err
		}
		return insertAudit(ctx, q, keyEvent("reseal", to, map[string]any{"credentials": done}))
	})
	if err != nil {
		return 0, err
	}
	return resealed, nil
}

func reseal(ctx context.Context, q *dbq.Queries, r fleet.Resealed) (bool, error) {
	n, err := q.ResealCredential(ctx, dbq.ResealCredentialParams{
		ID: int64(r.Old.ID), Version: int32(r.Old.Version), OldKeyID: string(r.Old.KeyID), OldSealed: r.Old.Sealed,
		KeyID: string(r.KeyID), Sealed: r.Sealed,
	})
	if err != nil {
		return false, fmt.Errorf("reseal credential %d: %w", r.Old.ID, err)
	}
	return n == 1, nil
}

// checkKey refuses what was sealed for a retired key. It is asked after the
// write: a retirement waits for those who have written, and who writes after it
// sees it here.
func checkKey(ctx context.Context, q *dbq.Queries, key string) error {
	retired, err := q.KeyRetired(ctx, key)
	if err != nil {
		return fmt.Errorf("look for retired keys: %w", err)
	}
	if retired {
		return fmt.Errorf("%w: %s", fleet.ErrKeyRetired, key)
	}
	return nil
}

// RetireKey notes that no worker will have the key any longer, with an audit
// event: from then on nothing is stored that is sealed for it. A second
// retirement changes nothing. Error: *fleet.KeyInUseError.
func (s *Store) RetireKey(ctx context.Context, key secret.KeyID) error {
	return s.inTx(ctx, func(q *dbq.Queries) error {
		if err := q.LockCredentials(ctx); err != nil {
			return fmt.Errorf("lock credentials: %w", err)
		}
		users, err := q.CredentialsOfKey(ctx, string(key))
		if err != nil {
			return fmt.Errorf("list the credentials of key %s: %w", key, err)
		}
		if len(users) > 0 {
			return keyInUse(key, users)
		}
		n, err := q.RetireKey(ctx, string(key))
		if err != nil {
			return fmt.Errorf("retire key %s: %w", key, err)
		}
		if n == 0 {
			return nil // it is retired already
		}
		return insertAudit(ctx, q, keyEvent("retire", key, nil))
	})
}

func keyInUse(key secret.KeyID, users []dbq.CredentialsOfKeyRow) error {
	e := &fleet.KeyInUseError{Key: key}
	for _, u := range users {
		e.Credentials = append(e.Credentials, u.Name)
	}
	return e
}

func keyEvent(verb string, key secret.KeyID, detail map[string]any) user.Event {
	return user.Event{Action: "keys." + verb, ObjectType: "key", ObjectID: string(key), Detail: detail}
}
