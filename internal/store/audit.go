package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Audit stores one event of the actor that ctx carries.
func (s *Store) Audit(ctx context.Context, e user.Event) error {
	return s.inTx(ctx, func(q *dbq.Queries) error {
		return insertAudit(ctx, q, e)
	})
}

// insertAudit stores e in the transaction of the change that it tells of, and
// makes the month's partition when nobody has done so yet.
func insertAudit(ctx context.Context, q *dbq.Queries, e user.Event) error {
	if e.Detail == nil {
		e.Detail = map[string]any{}
	}
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	if e.Outcome == "" {
		e.Outcome = user.Done
	}
	if err := q.EnsureAuditMonth(ctx); err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	by := user.ActorFrom(ctx)
	id := int64(by.ID)
	err = q.InsertAuditEvent(ctx, dbq.InsertAuditEventParams{
		UserID: &id, UserName: by.Name, Action: e.Action, ObjectType: e.ObjectType, ObjectID: e.ObjectID,
		Outcome: string(e.Outcome), Detail: detail, RequestID: by.RequestID, RemoteAddr: by.RemoteAddr,
	})
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	return nil
}

// AuditEvents returns events from new to old: at most limit of them, from
// before on. next is the place to go on from; zero when there are no more.
func (s *Store) AuditEvents(ctx context.Context, f user.EventFilter, limit int, before user.EventPlace) (list []user.Recorded, next user.EventPlace, err error) {
	params := dbq.ListAuditEventsParams{
		UserID: (*int64)(f.User), Action: f.Action, ObjectType: f.ObjectType, ObjectID: f.ObjectID, Outcome: (*string)(f.Outcome),
		Since: f.From, Until: f.To, BeforeID: before.ID, RowLimit: more(limit),
	}
	if before != (user.EventPlace{}) {
		params.BeforeAt = &before.At
	}
	var rows []dbq.AuditEvent
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if err := q.PlanForValues(ctx); err != nil {
			return fmt.Errorf("list audit events: %w", err)
		}
		if rows, err = q.ListAuditEvents(ctx, params); err != nil {
			return fmt.Errorf("list audit events: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, next, err
	}
	rows, next = cut(rows, limit, func(r dbq.AuditEvent) user.EventPlace { return user.EventPlace{At: r.At, ID: r.ID} })
	for _, row := range rows {
		event, err := recorded(row)
		if err != nil {
			return nil, user.EventPlace{}, err
		}
		list = append(list, event)
	}
	return list, next, nil
}

func recorded(row dbq.AuditEvent) (user.Recorded, error) {
	e := user.Recorded{
		ID: row.ID, At: row.At, UserName: row.UserName, RequestID: row.RequestID, RemoteAddr: row.RemoteAddr,
		Event: user.Event{Action: row.Action, ObjectType: row.ObjectType, ObjectID: row.ObjectID, Outcome: user.Outcome(row.Outcome)},
	}
	if row.UserID != nil {
		e.UserID = user.ID(*row.UserID)
	}
	if err := json.Unmarshal(row.Detail, &e.Detail); err != nil {
		return user.Recorded{}, fmt.Errorf("read audit event %d: %w", row.ID, err)
	}
	return e, nil
}
