package store

import (
	"context"
	"fmt"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// requestSession makes the session that a user asked for: one without work is
// refused, as CreateSession refuses it.
func (f *firer) requestSession(ctx context.Context, id session.ID, by *int64) error {
	total, pending, err := f.insertSession(ctx, id, by)
	if err != nil {
		return err
	}
	return finishCreation(ctx, f.q, id, total, pending, f.detail())
}

// makeSession makes the session of a fire. One without a single instance is
// completed at once, with the reason; one of which nothing is served is ended by
// the sweep.
func (f *firer) makeSession(ctx context.Context, id session.ID, by *int64) error {
	total, _, err := f.insertSession(ctx, id, by)
	if err != nil {
		return err
	}
	if total == 0 {
		if err := endEmpty(ctx, f.q, id); err != nil {
			return err
		}
	} else if err := f.q.SetSessionTotal(ctx, dbq.SetSessionTotalParams{Total: total, SessionID: id}); err != nil {
		return fmt.Errorf("write total: %w", err)
	}
	detail := f.detail()
	detail["instances"] = total
	return insertAudit(ctx, f.q, sessionEvent("sync_session.create", id, detail))
}

// detail is what the audit trail says of each of the schedule's sessions.
func (f *firer) detail() map[string]any {
	return map[string]any{"category": f.schedule.Category, "schedule_id": f.schedule.ID}
}

// insertSession writes the session and its records, and returns how many these
// are. Selected ids that are gone or not active are left out.
func (f *firer) insertSession(ctx context.Context, id session.ID, by *int64) (total, pending int32, err error) {
	set, err := settings(ctx, f.q)
	if err != nil {
		return 0, 0, err
	}
	req := f.schedule.Request(by)
	if _, err := insertSession(ctx, f.q, id, req, set); err != nil {
		return 0, 0, err
	}
	made, err := insertRecords(ctx, f.q, id, req, f.serves)
	return made.Total, made.Pending, err
}

// endEmpty ends a session that has no records.
func endEmpty(ctx context.Context, q *dbq.Queries, id session.ID) error {
	status, result := session.Conclude(session.Counts{}, false)
	_, err := q.EndSession(ctx, dbq.EndSessionParams{
		SessionID: id, Status: string(status), Result: (*string)(&result), Reason: session.ReasonEmpty, ErrorGroups: []byte("[]"),
	})
	if err != nil {
		return fmt.Errorf("end empty session: %w", err)
	}
	return nil
}
