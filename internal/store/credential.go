package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

// CreateCredential stores a credential with the password that seal seals for
// its row, and an audit event. Errors: *invalid.Error, fleet.ErrNameTaken,
// fleet.ErrKeyRetired.
func (s *Store) CreateCredential(ctx context.Context, name, username string, seal fleet.Seal) (c fleet.Credential, err error) {
	if err := (fleet.Credential{Name: name, Username: username}).Validate(); err != nil {
		return fleet.Credential{}, err
	}
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		c, err = createCredential(ctx, q, name, username, seal)
		return err
	})
	return c, err
}

func createCredential(ctx context.Context, q *dbq.Queries, name, username string, seal fleet.Seal) (fleet.Credential, error) {
	id, err := q.NextCredentialID(ctx)
	if err != nil {
		return fleet.Credential{}, fmt.Errorf("number the credential: %w", err)
	}
	sealed, key, err := sealed(seal, fleet.PasswordBinding(fleet.CredentialID(id), 1))
	if err != nil {
		return fleet.Credential{}, err
	}
	err = q.InsertCredential(ctx, dbq.InsertCredentialParams{ID: id, Name: name, Username: username, Sealed: sealed, KeyID: key})
	if err != nil {
		return fleet.Credential{}, credentialError("insert", err)
	}
	if err := checkKey(ctx, q, key); err != nil {
		return fleet.Credential{}, err
	}
	err = insertAudit(ctx, q, credentialEvent("create", fleet.CredentialID(id), map[string]any{"name": name, "username": username}))
	if err != nil {
		return fleet.Credential{}, err
	}
	return credential(ctx, q, fleet.CredentialID(id))
}

func sealed(seal fleet.Seal, place secret.Binding) (box []byte, key string, err error) {
	box, err = seal(place)
	if err != nil {
		return nil, "", fmt.Errorf("seal the password: %w", err)
	}
	id, err := secret.SealedBy(box)
	return box, string(id), err
}

// Credentials returns credentials by id: at most limit of them, with ids over
// after. next is the id to go on after; 0 when there are no more.
func (s *Store) Credentials(ctx context.Context, f fleet.CredentialFilter, limit int, after int64) (list []fleet.Credential, next int64, err error) {
	var rows []dbq.ListCredentialsRow
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if err := q.PlanForValues(ctx); err != nil {
			return err
		}
		rows, err = q.ListCredentials(ctx, dbq.ListCredentialsParams{After: after, ExactName: f.ExactName, RowLimit: int32(limit) + 1})
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list credentials: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	for _, row := range rows {
		list = append(list, toCredential(dbq.GetCredentialRow(row)))
	}
	return list, next, nil
}

// Credential returns one credential, or fleet.ErrCredentialNotFound.
func (s *Store) Credential(ctx context.Context, id fleet.CredentialID) (fleet.Credential, error) {
	return credential(ctx, s.q, id)
}

func credential(ctx context.Context, q *dbq.Queries, id fleet.CredentialID) (fleet.Credential, error) {
	row, err := q.GetCredential(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return fleet.Credential{}, fleet.ErrCredentialNotFound
	}
	if err != nil {
		return fleet.Credential{}, fmt.Errorf("read credential %d: %w", id, err)
	}
	return toCredential(row), nil
}

// UpdateCredential applies a change and stores it with an audit event; a change
// to what is already so has none. A new
// password takes the next version. A new user name does too, and so needs the
// password again: it is sealed for one version, and nobody here can open it.
// What is queued with an older version is dispatched again, as many at a time as
// a login that nothing has proven allows.
// Errors: *invalid.Error, fleet.ErrCredentialNotFound, fleet.ErrNameTaken,
// fleet.ErrKeyRetired.
func (s *Store) UpdateCredential(ctx context.Context, id fleet.CredentialID, change fleet.CredentialChange) (c fleet.Credential, err error) {
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if change.Seal != nil {
			if err := callBackQueued(ctx, q, id); err != nil {
				return err
			}
		}
		row, err := lockCredential(ctx, q, id)
		if err != nil {
			return err
		}
		next, err := changed(row, change)
		if err != nil {
			return err
		}
		if err := q.UpdateCredential(ctx, next); err != nil {
			return credentialError("update", err)
		}
		if change.Seal != nil {
			if err := checkKey(ctx, q, next.KeyID); err != nil {
				return err
			}
		}
		if err := auditCredential(ctx, q, row, next, change); err != nil {
			return err
		}
		c, err = credential(ctx, q, id)
		return err
	})
	return c, err
}

// callBackQueued takes back what is queued for the credential. No round of
// dispatch may look at it before the new version is committed. Records are locked
// before what they refer to.
func callBackQueued(ctx context.Context, q *dbq.Queries, id fleet.CredentialID) error {
	if err := q.DispatchLock(ctx); err != nil {
		return fmt.Errorf("wait for the dispatch: %w", err)
	}
	if err := q.CallBackQueued(ctx, int64(id)); err != nil {
		return fmt.Errorf("call back queued records of credential %d: %w", id, err)
	}
	return nil
}

// auditCredential tells what has changed, of the password only that it was set.
func auditCredential(ctx context.Context, q *dbq.Queries, old dbq.LockCredentialRow, next dbq.UpdateCredentialParams, change fleet.CredentialChange) error {
	detail := differences(
		field{"name", old.Name, next.Name},
		field{"username", old.Username, next.Username},
		field{"version", old.Version, next.Version},
	)
	if change.Seal != nil {
		detail["password"] = "set"
	}
	if len(detail) == 0 {
		return nil
	}
	return insertAudit(ctx, q, credentialEvent("update", fleet.CredentialID(old.ID), withName(detail, old.Name)))
}

func lockCredential(ctx context.Context, q *dbq.Queries, id fleet.CredentialID) (dbq.LockCredentialRow, error) {
	row, err := q.LockCredential(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return row, fleet.ErrCredentialNotFound
	}
	if err != nil {
		return row, fmt.Errorf("lock credential %d: %w", id, err)
	}
	return row, nil
}

// changed returns the row as the change makes it.
func changed(row dbq.LockCredentialRow, change fleet.CredentialChange) (dbq.UpdateCredentialParams, error) {
	next := dbq.UpdateCredentialParams(row)
	if change.Name != nil {
		next.Name = *change.Name
	}
	if change.Username != nil {
		next.Username = *change.Username
	}
	if err := (fleet.Credential{Name: next.Name, Username: next.Username}).Validate(); err != nil {
		return next, err
	}
	if change.Seal == nil {
		if next.Username != row.Username {
			return next, invalid.Field("password", "must be given again with a new user name")
		}
		return next, nil
	}
	next.Version++
	var err error
	next.Sealed, next.KeyID, err = sealed(change.Seal, fleet.PasswordBinding(fleet.CredentialID(row.ID), int(next.Version)))
	return next, err
}

// DeleteCredential removes a credential that no living instance uses; deleted
// ones forget it. Errors: fleet.ErrCredentialNotFound, fleet.ErrCredentialInUse.
func (s *Store) DeleteCredential(ctx context.Context, id fleet.CredentialID) error {
	return s.inTx(ctx, func(q *dbq.Queries) error {
		old, err := credential(ctx, q, id)
		if err != nil {
			return err
		}
		if err := q.ForgetCredential(ctx, int64(id)); err != nil {
			return credentialError("forget", err)
		}
		n, err := q.DeleteCredential(ctx, int64(id))
		if err != nil {
			return credentialError("delete", err)
		}
		if n == 0 {
			return fleet.ErrCredentialNotFound
		}
		return insertAudit(ctx, q, credentialEvent("delete", id, map[string]any{"name": old.Name, "username": old.Username}))
	})
}

func credentialEvent(verb string, id fleet.CredentialID, detail map[string]any) user.Event {
	return user.Event{
		Action: "credential." + verb, ObjectType: "credential", ObjectID: strconv.FormatInt(int64(id), 10), Detail: detail,
	}
}

func credentialError(verb string, err error) error {
	switch {
	case violates(err, "credentials_name_key"):
		return fleet.ErrNameTaken
	case violates(err, "instances_credential_id_fkey"):
		return fleet.ErrCredentialInUse
	}
	return fmt.Errorf("%s credential: %w", verb, err)
}

func toCredential(row dbq.GetCredentialRow) fleet.Credential {
	return fleet.Credential{
		ID: fleet.CredentialID(row.ID), Name: row.Name, Username: row.Username, KeyID: row.KeyID, Version: int(row.Version),
		Instances: int(row.Instances), CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
}
