package httpapi

import (
	"context"

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
// 0 when there are no more.
type SessionReader interface {
	Session(ctx context.Context, id session.ID) (session.Session, error)
	Sessions(ctx context.Context, f session.Filter, limit int, after int64) (list []session.Session, next int64, err error)
	Records(ctx context.Context, id session.ID, f session.RecordFilter, limit int, after int64) (list []session.Record, next int64, err error)
}

// Names of the lists in cursors.
const (
	sessionList = "sessions"
	recordList  = "records"
)

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
		return gen.CreateSyncSession201JSONResponse(a.toSession(s)), nil
	}
	return gen.CreateSyncSession200JSONResponse(a.toSession(s)), nil
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

// ListSyncSessions lists sessions, newest first.
func (a *API) ListSyncSessions(ctx context.Context, r gen.ListSyncSessionsRequestObject) (gen.ListSyncSessionsResponseObject, error) {
	from, err := after(sessionList, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	filter := session.Filter{
		Type:     (*session.Type)(r.Params.Type),
		Category: (*session.Category)(r.Params.Category),
		Status:   (*session.Status)(r.Params.Status),
	}
	list, next, err := a.Sessions.Sessions(ctx, filter, limitOf(r.Params.Limit), from)
	if err != nil {
		return nil, err
	}
	return gen.ListSyncSessions200JSONResponse{Items: mapped(list, a.toSession), NextCursor: nextCursor(sessionList, next)}, nil
}

// GetSyncSession shows one session.
func (a *API) GetSyncSession(ctx context.Context, r gen.GetSyncSessionRequestObject) (gen.GetSyncSessionResponseObject, error) {
	s, err := a.Sessions.Session(ctx, r.SessionId)
	if err != nil {
		return nil, err
	}
	return gen.GetSyncSession200JSONResponse(a.toSession(s)), nil
}

// ListSyncRecords lists the records of a session.
func (a *API) ListSyncRecords(ctx context.Context, r gen.ListSyncRecordsRequestObject) (gen.ListSyncRecordsResponseObject, error) {
	from, err := after(recordList, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	filter := session.RecordFilter{Status: (*session.RecordStatus)(r.Params.Status)}
	list, next, err := a.Sessions.Records(ctx, r.SessionId, filter, limitOf(r.Params.Limit), from)
	if err != nil {
		return nil, err
	}
	return gen.ListSyncRecords200JSONResponse{Items: mapped(list, toRecord), NextCursor: nextCursor(recordList, next)}, nil
}

// CancelSyncSession cancels a session: 202 while something is still being stopped.
func (a *API) CancelSyncSession(ctx context.Context, r gen.CancelSyncSessionRequestObject) (gen.CancelSyncSessionResponseObject, error) {
	s, err := a.Sessions.CancelSession(ctx, r.SessionId)
	switch {
	case err != nil:
		return nil, err
	case s.Status.Terminal():
		return gen.CancelSyncSession200JSONResponse(a.toSession(s)), nil
	}
	return gen.CancelSyncSession202JSONResponse(a.toSession(s)), nil
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
		Parent:    r.SessionId,
		Scope:     session.RetryScope(r.Body.Scope),
		Code:      session.Code(value(r.Body.Code)),
		CreatedBy: creator(ctx),
	})
	if err != nil {
		return nil, err
	}
	return gen.RetrySyncSession201JSONResponse(a.toSession(s)), nil
}
