package httpapi

import (
	"context"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Holds keeps changes that wait for a person. Errors: account.ErrHoldNotFound,
// account.ErrHoldDecided.
type Holds interface {
	ListHolds(ctx context.Context, f account.HoldFilter, limit int, after account.HoldID) (list []account.Hold, next account.HoldID, err error)
	Hold(ctx context.Context, id account.HoldID) (account.Hold, error)
	// DecideHold confirms or rejects an open hold in the name of a user.
	DecideHold(ctx context.Context, id account.HoldID, confirm bool, userID int64) (account.Hold, error)
}

const holdList = "holds"

// ListHolds lists holds.
func (a *API) ListHolds(ctx context.Context, r gen.ListHoldsRequestObject) (gen.ListHoldsResponseObject, error) {
	from, err := after(holdList, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	filter := account.HoldFilter{Instance: (*fleet.InstanceID)(r.Params.InstanceId), Status: (*account.HoldStatus)(r.Params.Status)}
	list, next, err := a.Holds.ListHolds(ctx, filter, limitOf(r.Params.Limit), account.HoldID(from))
	if err != nil {
		return nil, err
	}
	return gen.ListHolds200JSONResponse{Items: mapped(list, toHold), NextCursor: nextCursor(holdList, int64(next))}, nil
}

// GetHold shows one hold.
func (a *API) GetHold(ctx context.Context, r gen.GetHoldRequestObject) (gen.GetHoldResponseObject, error) {
	h, err := a.Holds.Hold(ctx, account.HoldID(r.HoldId))
	if err != nil {
		return nil, err
	}
	return gen.GetHold200JSONResponse(toHold(h)), nil
}

// ConfirmHold says that the change is real.
func (a *API) ConfirmHold(ctx context.Context, r gen.ConfirmHoldRequestObject) (gen.ConfirmHoldResponseObject, error) {
	h, err := a.Holds.DecideHold(ctx, account.HoldID(r.HoldId), true, int64(user.ActorFrom(ctx).ID))
	if err != nil {
		return nil, err
	}
	return gen.ConfirmHold200JSONResponse(toHold(h)), nil
}

// RejectHold says that the change is not real.
func (a *API) RejectHold(ctx context.Context, r gen.RejectHoldRequestObject) (gen.RejectHoldResponseObject, error) {
	h, err := a.Holds.DecideHold(ctx, account.HoldID(r.HoldId), false, int64(user.ActorFrom(ctx).ID))
	if err != nil {
		return nil, err
	}
	return gen.RejectHold200JSONResponse(toHold(h)), nil
}

func toHold(h account.Hold) gen.Hold {
	return gen.Hold{
		Id: int64(h.ID), InstanceId: int64(h.InstanceID), InstanceName: h.InstanceName, Reason: gen.HoldReason(h.Reason),
		Status: gen.HoldStatus(h.Status), TimesSeen: h.TimesSeen, KnownCount: h.Known, MissingCount: h.MissingCount,
		Missing:     mapped(h.Missing, func(identity string) string { return identity }),
		OldIdentity: h.OldIdentity, NewIdentity: h.NewIdentity, RecordId: int64(h.Record), SessionId: h.Session,
		LastSeenAt: utc(h.LastSeenAt), CreatedAt: h.CreatedAt.UTC(), SeenAt: h.SeenAt.UTC(), DecidedAt: utc(h.DecidedAt),
		DecidedBy: h.DecidedBy, AppliedAt: utc(h.AppliedAt), LapsedAt: utc(h.LapsedAt),
	}
}
