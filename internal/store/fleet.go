package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/user"
)

// CreateInstance stores a new instance with its tags and an audit event.
// Errors: *invalid.Error, fleet.ErrNameTaken.
func (s *Store) CreateInstance(ctx context.Context, in fleet.Instance) (fleet.Instance, error) {
	in, err := in.Normalise()
	if err != nil {
		return fleet.Instance{}, err
	}
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		in, err = createInstance(ctx, q, in)
		return err
	})
	return in, err
}

func createInstance(ctx context.Context, q *dbq.Queries, in fleet.Instance) (fleet.Instance, error) {
	id, err := q.InsertInstance(ctx, dbq.InsertInstanceParams{
		Name: in.Name, Engine: string(in.Engine), Host: in.Host, Port: int32(in.Port), Database: in.Database,
		CredentialID: int64(in.CredentialID), TlsMode: string(in.TLSMode), TlsCa: in.TLSCA,
		TlsServerName: in.TLSServerName, HostKey: in.HostKey, Active: in.Active,
	})
	if err != nil {
		return fleet.Instance{}, instanceError("insert", in, err)
	}
	if err := q.AddTags(ctx, dbq.AddTagsParams{InstanceID: id, Tags: in.Tags}); err != nil {
		return fleet.Instance{}, fmt.Errorf("tag instance %s: %w", in.Name, err)
	}
	err = insertAudit(ctx, q, instanceEvent("create", fleet.InstanceID(id), map[string]any{
		"name": in.Name, "engine": in.Engine, "host": in.Host, "port": in.Port, "credential_id": in.CredentialID, "tls_mode": in.TLSMode,
	}))
	if err != nil {
		return fleet.Instance{}, err
	}
	return instance(ctx, q, fleet.InstanceID(id))
}

// Instances returns living instances, or the deleted ones, by id: at most limit of them, with ids
// over after. next is the id to go on after; 0 when there are no more.
func (s *Store) Instances(ctx context.Context, f fleet.InstanceFilter, limit int, after int64) (list []fleet.Instance, next int64, err error) {
	var rows []dbq.ListInstancesRow
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if err := q.PlanForValues(ctx); err != nil {
			return err
		}
		rows, err = q.ListInstances(ctx, dbq.ListInstancesParams{
			After: after, Engine: (*string)(f.Engine), Active: f.Active, Name: f.Name, ExactName: f.ExactName, Tag: f.Tag,
			RowLimit: int32(limit) + 1, CredentialID: (*int64)(f.Credential), TlsMode: (*string)(f.TLSMode), Deleted: f.Deleted,
		})
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list instances: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].Instance.ID
	}
	for _, row := range rows {
		list = append(list, toInstance(row.Instance, row.Tags))
	}
	return list, next, nil
}

// Instance returns a living instance, or fleet.ErrInstanceNotFound.
func (s *Store) Instance(ctx context.Context, id fleet.InstanceID) (fleet.Instance, error) {
	return instance(ctx, s.q, id)
}

func instance(ctx context.Context, q *dbq.Queries, id fleet.InstanceID) (fleet.Instance, error) {
	row, err := q.GetInstance(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return fleet.Instance{}, fleet.ErrInstanceNotFound
	}
	if err != nil {
		return fleet.Instance{}, fmt.Errorf("read instance %d: %w", id, err)
	}
	return toInstance(row.Instance, row.Tags), nil
}

// UpdateInstance applies a change to a living instance and stores it with an
// audit event; a change to what is already so has none. The engine is fixed once the instance has a record.
// Errors: *invalid.Error, fleet.ErrInstanceNotFound, fleet.ErrNameTaken.
func (s *Store) UpdateInstance(ctx context.Context, id fleet.InstanceID, c fleet.InstanceChange) (in fleet.Instance, err error) {
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		in, err = updateInstance(ctx, q, id, c)
		return err
	})
	return in, err
}

func updateInstance(ctx context.Context, q *dbq.Queries, id fleet.InstanceID, c fleet.InstanceChange) (fleet.Instance, error) {
	// Records are locked before the instance that they describe.
	if err := q.LockWaitingRecords(ctx, int64(id)); err != nil {
		return fleet.Instance{}, fmt.Errorf("lock waiting records of instance %d: %w", id, err)
	}
	old, err := lockInstance(ctx, q, id)
	if err != nil {
		return fleet.Instance{}, err
	}
	in, err := c.Apply(old).Normalise()
	if err != nil {
		return fleet.Instance{}, err
	}
	if err := checkEngine(ctx, q, old, in); err != nil {
		return fleet.Instance{}, err
	}
	if err := writeInstance(ctx, q, in); err != nil {
		return fleet.Instance{}, err
	}
	// The limits of hosts and credentials count by what the records say.
	if err := q.RedirectWaitingRecords(ctx, int64(id)); err != nil {
		return fleet.Instance{}, fmt.Errorf("redirect waiting records of instance %d: %w", id, err)
	}
	if !slices.Equal(old.Tags, in.Tags) {
		if err := replaceTags(ctx, q, in); err != nil {
			return fleet.Instance{}, err
		}
	}
	if detail := instanceDifferences(old, in); len(detail) > 0 {
		if err := insertAudit(ctx, q, instanceEvent("update", id, withName(detail, old.Name))); err != nil {
			return fleet.Instance{}, err
		}
	}
	return instance(ctx, q, id)
}

func lockInstance(ctx context.Context, q *dbq.Queries, id fleet.InstanceID) (fleet.Instance, error) {
	if _, err := q.LockInstance(ctx, int64(id)); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fleet.Instance{}, fmt.Errorf("lock instance %d: %w", id, err)
	}
	return instance(ctx, q, id)
}

// checkEngine runs after the row is locked: a record made beside it refers to
// the row, and so waits.
func checkEngine(ctx context.Context, q *dbq.Queries, old, in fleet.Instance) error {
	if old.Engine == in.Engine {
		return nil
	}
	fixed, err := q.InstanceHasRecords(ctx, int64(in.ID))
	if err != nil {
		return fmt.Errorf("look for records of instance %d: %w", in.ID, err)
	}
	if fixed {
		return invalid.Field("engine", "cannot change once the instance has been synced: register another instance")
	}
	return nil
}

func writeInstance(ctx context.Context, q *dbq.Queries, in fleet.Instance) error {
	err := q.UpdateInstance(ctx, dbq.UpdateInstanceParams{
		ID: int64(in.ID), Name: in.Name, Engine: string(in.Engine), Host: in.Host, Port: int32(in.Port),
		Database: in.Database, CredentialID: int64(in.CredentialID), TlsMode: string(in.TLSMode), TlsCa: in.TLSCA,
		TlsServerName: in.TLSServerName, HostKey: in.HostKey, Active: in.Active,
	})
	return instanceError("update", in, err)
}

func replaceTags(ctx context.Context, q *dbq.Queries, in fleet.Instance) error {
	if err := q.RemoveTags(ctx, int64(in.ID)); err != nil {
		return fmt.Errorf("untag instance %d: %w", in.ID, err)
	}
	if err := q.AddTags(ctx, dbq.AddTagsParams{InstanceID: int64(in.ID), Tags: in.Tags}); err != nil {
		return fmt.Errorf("tag instance %d: %w", in.ID, err)
	}
	return nil
}

// DeleteInstance takes an instance out of the fleet and keeps its history.
// Records that wait end as skipped at their claim. Its name is free again.
// Error: fleet.ErrInstanceNotFound.
func (s *Store) DeleteInstance(ctx context.Context, id fleet.InstanceID) error {
	return s.inTx(ctx, func(q *dbq.Queries) error {
		old, err := instance(ctx, q, id)
		if err != nil {
			return err
		}
		n, err := q.RemoveInstance(ctx, int64(id))
		if err != nil {
			return fmt.Errorf("delete instance %d: %w", id, err)
		}
		if n == 0 {
			return fleet.ErrInstanceNotFound
		}
		return insertAudit(ctx, q, instanceEvent("delete", id, map[string]any{
			"name": old.Name, "engine": old.Engine, "host": old.Host, "port": old.Port,
		}))
	})
}

func instanceEvent(verb string, id fleet.InstanceID, detail map[string]any) user.Event {
	return user.Event{
		Action: "instance." + verb, ObjectType: "instance", ObjectID: strconv.FormatInt(int64(id), 10), Detail: detail,
	}
}

// instanceError names what a person has to change.
func instanceError(verb string, in fleet.Instance, err error) error {
	switch {
	case err == nil:
		return nil
	case violates(err, "instances_name"):
		return fleet.ErrNameTaken
	case violates(err, "instances_credential_id_fkey"):
		return invalid.Field("credential_id", "there is no credential %d", in.CredentialID)
	}
	return fmt.Errorf("%s instance %s: %w", verb, in.Name, err)
}

func toInstance(row dbq.Instance, tags []string) fleet.Instance {
	in := fleet.Instance{
		ID: fleet.InstanceID(row.ID), Name: row.Name, Engine: fleet.Engine(row.Engine), Host: row.Host, Port: int(row.Port),
		Database: row.Database, TLSMode: fleet.TLSMode(row.TlsMode),
		TLSCA: row.TlsCa, TLSServerName: row.TlsServerName, HostKey: row.HostKey, Tags: tags, Active: row.Active,
		Flavour: row.Flavour, Version: row.Version, Identity: row.Identity, Contact: fleet.Contact(row.Contact),
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if row.CredentialID != nil {
		in.CredentialID = fleet.CredentialID(*row.CredentialID)
	}
	if row.DeletedAt != nil {
		in.DeletedAt = *row.DeletedAt
	}
	return in
}
