package httpapi

import (
	"context"
	"fmt"
	"time"

	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Audit reads the audit trail, newest first, and adds to it.
type Audit interface {
	Audit(ctx context.Context, e user.Event) error
	AuditEvents(ctx context.Context, f user.EventFilter, limit int, before user.EventPlace) (list []user.Recorded, next user.EventPlace, err error)
}

const auditList = "audit"

// ListAuditEvents lists changes and refused attempts, newest first.
func (a *API) ListAuditEvents(ctx context.Context, r gen.ListAuditEventsRequestObject) (gen.ListAuditEventsResponseObject, error) {
	p := r.Params
	filter := user.EventFilter{
		User: (*user.ID)(p.UserId), Action: p.Action, ObjectType: p.ObjectType, ObjectID: p.ObjectId,
		Outcome: (*user.Outcome)(p.Outcome), From: utc(p.From), To: utc(p.To),
	}
	if filter.From != nil && filter.To != nil && !filter.From.Before(*filter.To) {
		return nil, malformed(invalid.Field("to", "must be after from"))
	}
	name := filtered(auditList, filter)
	before, err := eventPlace(name, p.Cursor)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Audit.AuditEvents(ctx, filter, limitOf(p.Limit), before)
	if err != nil {
		return nil, err
	}
	return gen.ListAuditEvents200JSONResponse{Items: mapped(list, toAuditEvent), NextCursor: eventCursor(name, next)}, nil
}

// eventPlace reads what eventCursor wrote.
func eventPlace(list string, sent *string) (user.EventPlace, error) {
	place, err := decodeCursor(list, sent)
	if err != nil || place == "" {
		return user.EventPlace{}, err
	}
	var micros, id int64
	if n, err := fmt.Sscanf(place, "%d,%d", &micros, &id); err != nil || n != 2 || place != fmt.Sprintf("%d,%d", micros, id) {
		return user.EventPlace{}, errCursor()
	}
	if micros <= 0 || id <= 0 || micros > lastMicro {
		return user.EventPlace{}, errCursor()
	}
	return user.EventPlace{At: time.UnixMicro(micros).UTC(), ID: id}, nil
}

// lastMicro is the end of the year 9999: Postgres knows no time far beyond.
const lastMicro = 253_402_300_799_999_999

func eventCursor(list string, next user.EventPlace) *string {
	if next == (user.EventPlace{}) {
		return nil
	}
	return encodeCursor(list, fmt.Sprintf("%d,%d", next.At.UnixMicro(), next.ID))
}

func toAuditEvent(e user.Recorded) gen.AuditEvent {
	detail := e.Detail
	if detail == nil {
		detail = map[string]any{}
	}
	return gen.AuditEvent{
		Id: e.ID, At: e.At.UTC(), UserId: int64(e.UserID), UserName: e.UserName, Action: e.Action,
		ObjectType: e.ObjectType, ObjectId: e.ObjectID, Outcome: gen.AuditOutcome(e.Outcome), Detail: detail,
		RequestId: e.RequestID, RemoteAddr: e.RemoteAddr,
	}
}
