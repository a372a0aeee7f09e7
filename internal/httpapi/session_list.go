package httpapi

import (
	"context"
	"errors"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Names of the lists in cursors.
const (
	sessionList = "sessions"
	recordList  = "records"
)

// ListSyncSessions lists sessions.
func (a *API) ListSyncSessions(ctx context.Context, r gen.ListSyncSessionsRequestObject) (gen.ListSyncSessionsResponseObject, error) {
	filter, err := sessionFilter(r.Params)
	if err != nil {
		return nil, err
	}
	order := session.Order{By: session.ByStart, Descending: value(r.Params.Order) != gen.ListSyncSessionsParamsOrderAsc}
	if r.Params.Sort != nil {
		order.By = session.SortKey(*r.Params.Sort)
	}
	list := filtered(sessionList, []any{filter, order})
	from, err := afterPlace(list, r.Params.Cursor, rowOf)
	if err != nil {
		return nil, err
	}
	found, next, err := a.Sessions.Sessions(ctx, filter, session.Page{Order: order, Limit: limitOf(r.Params.Limit), After: from})
	if err != nil {
		return nil, parameterFault(err)
	}
	return gen.ListSyncSessions200JSONResponse{Items: mapped(found, toSession), NextCursor: nextPlace(list, next, rowOf)}, nil
}

func sessionFilter(p gen.ListSyncSessionsParams) (session.Filter, error) {
	filter := session.Filter{
		Type: (*session.Type)(p.Type), Category: (*session.Category)(p.Category), Status: (*session.Status)(p.Status),
		Result: (*session.Result)(p.Result), Instance: (*fleet.InstanceID)(p.InstanceId),
		Schedule: (*session.ScheduleID)(p.ScheduleId), From: utc(p.From), To: utc(p.To), Query: value(p.Q),
	}
	if p.CreatedBy == nil {
		return filter, nil
	}
	creator, err := session.ParseCreator("created_by", *p.CreatedBy)
	filter.Creator = &creator
	return filter, parameterFault(err)
}

// parameterFault makes a fault of a parameter one of the request's form, as
// those are that the document describes.
func parameterFault(err error) error {
	var fault *invalid.Error
	if errors.As(err, &fault) {
		return malformed(err)
	}
	return err
}

// ListSyncRecords lists the records of a session.
func (a *API) ListSyncRecords(ctx context.Context, r gen.ListSyncRecordsRequestObject) (gen.ListSyncRecordsResponseObject, error) {
	filter := session.RecordFilter{
		Status: mapped(value(r.Params.Status), func(s gen.RecordStatus) session.RecordStatus { return session.RecordStatus(s) }),
		Code:   session.Code(value(r.Params.Code)), Fingerprint: session.Fingerprint(value(r.Params.Fingerprint)), Query: value(r.Params.Q),
	}
	order := session.Order{By: session.ByID, Descending: value(r.Params.Order) == gen.ListSyncRecordsParamsOrderDesc}
	if r.Params.Sort != nil {
		order.By = session.SortKey(*r.Params.Sort)
	}
	list := filtered(recordList+r.SessionId.String(), []any{filter, order})
	from, err := afterPlace(list, r.Params.Cursor, rowOf)
	if err != nil {
		return nil, err
	}
	found, next, err := a.Sessions.Records(ctx, r.SessionId, filter, session.Page{Order: order, Limit: limitOf(r.Params.Limit), After: from})
	if err != nil {
		return nil, err
	}
	return gen.ListSyncRecords200JSONResponse{Items: mapped(found, toRecord), NextCursor: nextPlace(list, next, rowOf)}, nil
}

func rowOf(p session.Place) int64 { return p.ID }
