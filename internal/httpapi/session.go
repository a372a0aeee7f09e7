package httpapi

import (
	"context"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Sessions is the session service. Errors are those of package session.
type Sessions interface {
	// CreateSession reports created false when the creator's idempotency key
	// has made this very session before.
	CreateSession(ctx context.Context, r session.Request) (s session.Session, created bool, err error)
	RetrySession(ctx context.Context, r session.Retry) (session.Session, error)
	CancelSession(ctx context.Context, id session.ID) (session.Session, error)
	CancelRecord(ctx context.Context, id session.ID, record session.RecordID) (session.Record, error)
	SessionReader
}

// SessionReader reads sessions. Lists return the place after their last row, or
// the zero one when there are no more.
type SessionReader interface {
	Session(ctx context.Context, id session.ID) (session.Session, error)
	Sessions(ctx context.Context, f session.Filter, p session.Page) (list []session.Session, next session.Place, err error)
	Records(ctx context.Context, id session.ID, f session.RecordFilter, p session.Page) (list []session.Record, next session.Place, err error)
	ErrorKinds(ctx context.Context, id session.ID) ([]session.ErrorKind, error)
	// Statistics takes the present for the end of a span that has none.
	Statistics(ctx context.Context, f session.Filter, now time.Time) (session.Statistics, error)
}

// CreateSyncSession starts a batch.
func (a *API) CreateSyncSession(ctx context.Context, r gen.CreateSyncSessionRequestObject) (gen.CreateSyncSessionResponseObject, error) {
	s, created, err := a.Sessions.CreateSession(ctx, session.Request{
		Category:       session.Category(r.Body.Category),
		Selector:       fromSelector(r.Body.Selector),
		CreatedBy:      creator(ctx),
		IdempotencyKey: value(r.Params.IdempotencyKey),
		MaxAttempts:    value(r.Body.MaxAttempts),
	})
	switch {
	case err != nil:
		return nil, err
	case created:
		return gen.CreateSyncSession201JSONResponse(toSession(s)), nil
	}
	return gen.CreateSyncSession200JSONResponse(toSession(s)), nil
}

func creator(ctx context.Context) *int64 {
	id := int64(user.ActorFrom(ctx).ID)
	return &id
}

func fromSelector(s gen.Selector) session.Selector {
	return session.Selector{
		All:     value(s.All),
		IDs:     mapped(value(s.Ids), func(id int64) fleet.InstanceID { return fleet.InstanceID(id) }),
		Tags:    value(s.Tags),
		Engines: mapped(value(s.Engines), func(e gen.Engine) fleet.Engine { return fleet.Engine(e) }),
	}
}

// GetSyncSession shows one session.
func (a *API) GetSyncSession(ctx context.Context, r gen.GetSyncSessionRequestObject) (gen.GetSyncSessionResponseObject, error) {
	s, err := a.Sessions.Session(ctx, r.SessionId)
	if err != nil {
		return nil, err
	}
	return gen.GetSyncSession200JSONResponse(toSession(s)), nil
}

// CancelSyncSession cancels a session: 202 while something is still being stopped.
func (a *API) CancelSyncSession(ctx context.Context, r gen.CancelSyncSessionRequestObject) (gen.CancelSyncSessionResponseObject, error) {
	s, err := a.Sessions.CancelSession(ctx, r.SessionId)
	switch {
	case err != nil:
		return nil, err
	case s.Status.Terminal():
		return gen.CancelSyncSession200JSONResponse(toSession(s)), nil
	}
	return gen.CancelSyncSession202JSONResponse(toSession(s)), nil
}

// CancelSyncRecord cancels one record: 202 while it is being stopped.
func (a *API) CancelSyncRecord(ctx context.Context, r gen.CancelSyncRecordRequestObject) (gen.CancelSyncRecordResponseObject, error) {
	rec, err := a.Sessions.CancelRecord(ctx, r.SessionId, session.RecordID(r.RecordId))
	switch {
	case err != nil:
		return nil, err
	case rec.Status.Terminal():
		return gen.CancelSyncRecord200JSONResponse(toRecord(rec)), nil
	}
	return gen.CancelSyncRecord202JSONResponse(toRecord(rec)), nil
}

// RetrySyncSession makes a child session of what failed or was cancelled.
func (a *API) RetrySyncSession(ctx context.Context, r gen.RetrySyncSessionRequestObject) (gen.RetrySyncSessionResponseObject, error) {
	s, err := a.Sessions.RetrySession(ctx, session.Retry{
		Parent:      r.SessionId,
		Scope:       session.RetryScope(value(r.Body.Scope)),
		Status:      mapped(value(r.Body.Status), func(s gen.RetryRequestStatus) session.RecordStatus { return session.RecordStatus(s) }),
		Code:        session.Code(value(r.Body.Code)),
		Fingerprint: session.Fingerprint(value(r.Body.Fingerprint)),
		CreatedBy:   creator(ctx),
	})
	if err != nil {
		return nil, err
	}
	return gen.RetrySyncSession201JSONResponse(toSession(s)), nil
}
