package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/netguard"
)

// Instances keeps the fleet. Errors are those of package fleet, and *invalid.Error.
type Instances interface {
	CreateInstance(ctx context.Context, in fleet.Instance) (fleet.Instance, error)
	Instances(ctx context.Context, f fleet.InstanceFilter, limit int, after int64) (list []fleet.Instance, next int64, err error)
	Instance(ctx context.Context, id fleet.InstanceID) (fleet.Instance, error)
	UpdateInstance(ctx context.Context, id fleet.InstanceID, c fleet.InstanceChange) (fleet.Instance, error)
	DeleteInstance(ctx context.Context, id fleet.InstanceID) error
}

// Removed brings instances back. Errors are those of Instances.
type Removed interface {
	DeletedInstance(ctx context.Context, id fleet.InstanceID) (fleet.Instance, error)
	RestoreInstance(ctx context.Context, id fleet.InstanceID, r fleet.Restoration) (fleet.Instance, error)
}

const (
	instanceList = "instances"
	deletedList  = "deleted-instances"
)

// CreateInstance registers an instance.
func (a *API) CreateInstance(ctx context.Context, r gen.CreateInstanceRequestObject) (gen.CreateInstanceResponseObject, error) {
	in, err := fromInstance(*r.Body).Normalise()
	if err != nil {
		return nil, err
	}
	if err := a.checkTarget(ctx, in); err != nil {
		return nil, err
	}
	in, err = a.Instances.CreateInstance(ctx, in)
	if err != nil {
		return nil, err
	}
	return gen.CreateInstance201JSONResponse(toInstance(in)), nil
}

func fromInstance(b gen.InstanceCreate) fleet.Instance {
	return fleet.Instance{
		Name: b.Name, Engine: fleet.Engine(b.Engine), Host: b.Host, Port: value(b.Port), Database: value(b.Database),
		CredentialID: fleet.CredentialID(b.CredentialId), TLSMode: fleet.TLSMode(value(b.TlsMode)), TLSCA: value(b.TlsCa),
		TLSServerName: value(b.TlsServerName), HostKey: value(b.HostKey), Tags: value(b.Tags),
		Active: b.Active == nil || *b.Active,
	}
}

const lookUpTimeout = 3 * time.Second

// checkTarget tells the user now what a worker would only find at its dial.
func (a *API) checkTarget(ctx context.Context, in fleet.Instance) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lookUpTimeout, fmt.Errorf("look up host: over %s", lookUpTimeout))
	defer cancel()
	err := a.Policy.CheckHost(ctx, a.Resolver, in.Host, uint16(in.Port))
	if errors.Is(err, netguard.ErrNotAllowed) {
		return invalid.Field("host", "%v", err)
	}
	return err
}

// ListInstances lists living instances, or the removed ones.
func (a *API) ListInstances(ctx context.Context, r gen.ListInstancesRequestObject) (gen.ListInstancesResponseObject, error) {
	filter := fleet.InstanceFilter{
		Engine: (*fleet.Engine)(r.Params.Engine), Active: r.Params.Active, TLSMode: (*fleet.TLSMode)(r.Params.TlsMode),
		Tag: value(r.Params.Tag), Name: value(r.Params.Name), ExactName: value(r.Params.ExactName), Deleted: value(r.Params.Deleted),
	}
	name := instanceList
	if filter.Deleted {
		name = deletedList
	}
	from, err := after(name, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Instances.Instances(ctx, filter, limitOf(r.Params.Limit), from)
	if err != nil {
		return nil, err
	}
	return gen.ListInstances200JSONResponse{Items: mapped(list, toInstance), NextCursor: nextCursor(name, next)}, nil
}

// GetInstance shows one instance.
func (a *API) GetInstance(ctx context.Context, r gen.GetInstanceRequestObject) (gen.GetInstanceResponseObject, error) {
	in, err := a.Instances.Instance(ctx, fleet.InstanceID(r.InstanceId))
	if err != nil {
		return nil, err
	}
	return gen.GetInstance200JSONResponse(toInstance(in)), nil
}

// UpdateInstance changes the fields that are given.
func (a *API) UpdateInstance(ctx context.Context, r gen.UpdateInstanceRequestObject) (gen.UpdateInstanceResponseObject, error) {
	id, change := fleet.InstanceID(r.InstanceId), fromUpdate(*r.Body)
	if err := a.checkChange(ctx, id, change); err != nil {
		return nil, err
	}
	in, err := a.Instances.UpdateInstance(ctx, id, change)
	if err != nil {
		return nil, err
	}
	return gen.UpdateInstance200JSONResponse(toInstance(in)), nil
}

// checkChange checks what depends on the instance as it is.
func (a *API) checkChange(ctx context.Context, id fleet.InstanceID, change fleet.InstanceChange) error {
	moves := change.Host != nil || change.Port != nil
	if !moves && change.TLSCA == nil {
		return nil
	}
	in, err := a.Instances.Instance(ctx, id)
	if err != nil {
		return err
	}
	if err := change.Check(in); err != nil || !moves {
		return err
	}
	in, err = change.Apply(in).Normalise()
	if err != nil {
		return err
	}
	return a.checkTarget(ctx, in)
}

func fromUpdate(b gen.InstanceUpdate) fleet.InstanceChange {
	return fleet.InstanceChange{
		Name: b.Name, Engine: (*fleet.Engine)(b.Engine), Host: b.Host, Port: b.Port, Database: b.Database,
		CredentialID: (*fleet.CredentialID)(b.CredentialId), TLSMode: (*fleet.TLSMode)(b.TlsMode), TLSCA: b.TlsCa,
		TLSServerName: b.TlsServerName, HostKey: b.HostKey, Tags: b.Tags, Active: b.Active,
	}
}

// DeleteInstance takes an instance out of the fleet.
func (a *API) DeleteInstance(ctx context.Context, r gen.DeleteInstanceRequestObject) (gen.DeleteInstanceResponseObject, error) {
	if err := a.Instances.DeleteInstance(ctx, fleet.InstanceID(r.InstanceId)); err != nil {
		return nil, err
	}
	return gen.DeleteInstance204Response{}, nil
}

// RestoreInstance brings a removed instance back.
func (a *API) RestoreInstance(ctx context.Context, r gen.RestoreInstanceRequestObject) (gen.RestoreInstanceResponseObject, error) {
	id := fleet.InstanceID(r.InstanceId)
	restoration := fleet.Restoration{
		Name: r.Body.Name, CredentialID: (*fleet.CredentialID)(r.Body.CredentialId), Active: value(r.Body.Active),
	}
	in, err := a.Removed.DeletedInstance(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := a.checkTarget(ctx, in); err != nil {
		return nil, err
	}
	if in, err = a.Removed.RestoreInstance(ctx, id, restoration); err != nil {
		return nil, err
	}
	return gen.RestoreInstance200JSONResponse(toInstance(in)), nil
}

func toInstance(in fleet.Instance) gen.Instance {
	var deleted *time.Time
	if !in.DeletedAt.IsZero() {
		deleted = &in.DeletedAt
	}
	return gen.Instance{
		Id: int64(in.ID), Name: in.Name, Engine: gen.Engine(in.Engine), Host: in.Host, Port: in.Port, Database: in.Database,
		CredentialId: int64(in.CredentialID), TlsMode: gen.TLSMode(in.TLSMode), TlsCa: in.TLSCA, TlsServerName: in.TLSServerName,
		HostKey: in.HostKey, Tags: mapped(in.Tags, func(tag string) string { return tag }), Active: in.Active,
		Flavour: in.Flavour, Version: in.Version, Identity: in.Identity, Contact: gen.Contact(in.Contact),
		CreatedAt: in.CreatedAt.UTC(), UpdatedAt: in.UpdatedAt.UTC(), DeletedAt: utc(deleted),
	}
}
