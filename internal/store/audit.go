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
