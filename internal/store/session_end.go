package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

// CancelSession makes sure that no instance of the session is started once it
// has returned: first it commits the session's state, which claims look at, and
// then closes what waits. What runs is stopped by its holders. A session that
// is cancelling already is answered the same way.
//
// Errors: session.ErrNotFound, session.ErrFinished.
func (s *Store) CancelSession(ctx context.Context, id session.ID) (session.Session, error) {
	if err := s.inTx(ctx, func(q *dbq.Queries) error { return markCancelling(ctx, q, id) }); err != nil {
		return session.Session{}, err
	}
	if _, err := s.cancelWaiting(ctx, id); err != nil {
		return session.Session{}, err
	}
	if _, err := s.FinishSession(ctx, id); err != nil {
		return session.Session{}, err
	}
	s.lives.forget(id)
	return s.Session(ctx, id)
}

func markCancelling(ctx context.Context, q *dbq.Queries, id session.ID) error {
	status, err := q.LockSession(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return session.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("lock session: %w", err)
	}
	switch session.Status(status) {
	case session.Cancelling:
		return nil
	case session.Running:
	default:
		return session.ErrFinished
	}
	by := int64(user.ActorFrom(ctx).ID)
	if _, err := q.MarkCancelling(ctx, dbq.MarkCancellingParams{SessionID: id, CancelledBy: &by}); err != nil {
		return fmt.Errorf("mark session cancelling: %w", err)
	}
	if err := q.NotifyStop(ctx); err != nil {
		return fmt.Errorf("notify workers: %w", err)
	}
	return insertAudit(ctx, q, sessionEvent("sync_session.cancel", id, nil))
}

// cancelBatch is how many records of a cancelled session one transaction closes
// at most: whatever the size of the session, what was closed stays closed when
// time runs out, and the sweep goes on from there.
const cancelBatch = 20_000

// cancelWaiting closes what is not running. It waits for every claim under way,
// so that none commits after it: a record that a claim has locked is waited for
// in its batch, and one that has been claimed since cannot be, because the
// session is cancelling already. It returns how many it has closed.
func (s *Store) cancelWaiting(ctx context.Context, id session.ID) (int64, error) {
	var total int64
	for _, status := range []session.RecordStatus{session.RecordPending, session.RecordQueued} {
		for last := int64(0); ; {
			batch, err := s.cancelWaitingBatch(ctx, id, status, last)
			if err != nil {
				return total, err
			}
			total, last = total+batch.Closed, batch.Last
			if batch.Found < cancelBatch {
				break
			}
		}
	}
	return total, nil
}

// cancelWaitingBatch locks the session's row first, so that two of these cannot
// wait for each other.
func (s *Store) cancelWaitingBatch(ctx context.Context, id session.ID, status session.RecordStatus, after int64) (row dbq.CancelWaitingRecordsRow, err error) {
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if _, err := q.LockSession(ctx, id); err != nil {
			return fmt.Errorf("lock session: %w", err)
		}
		row, err = q.CancelWaitingRecords(ctx, dbq.CancelWaitingRecordsParams{
			SessionID: id, Status: string(status), After: after, RowLimit: cancelBatch,
		})
		if err != nil {
			return fmt.Errorf("cancel waiting records: %w", err)
		}
		return nil
	})
	return row, err
}

// CancelRecord cancels one record: at once while it waits, through its holder
// while it runs.
//
// Errors: session.ErrNotFound, session.ErrRecordNotFound, session.ErrFinished.
func (s *Store) CancelRecord(ctx context.Context, id session.ID, record session.RecordID) (session.Record, error) {
	var row dbq.SyncInstanceRecord
	err := s.inTx(ctx, func(q *dbq.Queries) (err error) {
		row, err = cancelRecord(ctx, q, id, record)
		return err
	})
	if err != nil {
		return session.Record{}, err
	}
	if _, err := s.FinishSession(ctx, id); err != nil {
		return session.Record{}, err
	}
	s.lives.forget(id)
	return toRecord(row), nil
}

func cancelRecord(ctx context.Context, q *dbq.Queries, id session.ID, record session.RecordID) (dbq.SyncInstanceRecord, error) {
	row, err := q.LockRecord(ctx, dbq.LockRecordParams{ID: int64(record), SessionID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return row, missingRecord(ctx, q, id)
	}
	if err != nil {
		return row, fmt.Errorf("lock record: %w", err)
	}
	switch status := session.RecordStatus(row.Status); {
	case status.Terminal():
		return row, session.ErrFinished
	case status == session.RecordRunning:
		err = errors.Join(q.RequestRecordCancel(ctx, row.ID), q.NotifyStop(ctx))
	default:
		err = q.CancelWaitingRecord(ctx, row.ID)
	}
	if err != nil {
		return row, fmt.Errorf("cancel record: %w", err)
	}
	if err := insertAudit(ctx, q, sessionEvent("sync_record.cancel", id, map[string]any{"record_id": row.ID})); err != nil {
		return row, err
	}
	return q.RecordRow(ctx, row.ID)
}

// missingRecord tells an unknown session from an unknown record of a known one.
func missingRecord(ctx context.Context, q *dbq.Queries, id session.ID) error {
	if _, err := q.SessionRow(ctx, id); errors.Is(err, pgx.ErrNoRows) {
		return session.ErrNotFound
	} else if err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	return session.ErrRecordNotFound
}

// FinishSession ends a session none of whose records is open any more and
// freezes its figures. It reports false when there is nothing to do: a record
// is open, or somebody else has ended it.
func (s *Store) FinishSession(ctx context.Context, id session.ID) (bool, error) {
	open, err := s.q.HasOpenRecords(ctx, id)
	if err != nil {
		return false, fmt.Errorf("look for open records: %w", err)
	}
	if open {
		return false, nil
	}
	ended := false
	err = s.inTx(ctx, func(q *dbq.Queries) (err error) {
		ended, err = finishSession(ctx, q, id)
		return err
	})
	return ended, err
}

// finishSession holds the session's row, so that two finishers cannot both see
// it running.
func finishSession(ctx context.Context, q *dbq.Queries, id session.ID) (bool, error) {
	status, err := q.LockSession(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, session.ErrNotFound
	}
	if err != nil {
		return false, fmt.Errorf("lock session: %w", err)
	}
	if session.Status(status).Terminal() {
		return false, nil
	}
	end, err := summarise(ctx, q, id, session.Status(status) == session.Cancelling)
	if err != nil {
		return false, err
	}
	n, err := q.EndSession(ctx, end)
	if err != nil {
		return false, fmt.Errorf("end session: %w", err)
	}
	return n == 1, nil
}

// summarise counts what the ended session will say for ever.
func summarise(ctx context.Context, q *dbq.Queries, id session.ID, cancelling bool) (dbq.EndSessionParams, error) {
	counts, err := q.CountRecords(ctx, dbq.CountRecordsParams{SessionIds: []session.ID{id}})
	if err != nil {
		return dbq.EndSessionParams{}, fmt.Errorf("count records: %w", err)
	}
	counted := counts[0]
	took, err := q.RecordDurations(ctx, id)
	if err != nil {
		return dbq.EndSessionParams{}, fmt.Errorf("measure durations: %w", err)
	}
	groups, err := errorGroups(ctx, q, id)
	if err != nil {
		return dbq.EndSessionParams{}, err
	}
	status, result := session.Conclude(toCounts(counted), cancelling)
	end := dbq.EndSessionParams{
		SessionID: id, Status: string(status), Result: (*string)(&result), ErrorGroups: groups,
		Completed: counted.Completed, Failed: counted.Failed, Cancelled: counted.Cancelled,
		Skipped: counted.Skipped, Partial: counted.Partial,
		ItemsSynced: counted.ItemsSynced, ItemsCreated: counted.ItemsCreated,
		ItemsUpdated: counted.ItemsUpdated, ItemsDeleted: counted.ItemsDeleted,
	}
	if took.Measured > 0 {
		end.P50, end.P95, end.Longest = &took.P50, &took.P95, &took.Longest
	}
	return end, nil
}

func errorGroups(ctx context.Context, q *dbq.Queries, id session.ID) ([]byte, error) {
	rows, err := q.GroupErrors(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("group errors: %w", err)
	}
	groups := make([]session.ErrorGroup, len(rows))
	for i, row := range rows {
		groups[i] = session.ErrorGroup{
			Code: session.Code(row.Code), Phase: session.Phase(row.Phase),
			Count: int(row.Failures), Sample: row.Sample, Message: row.Message,
		}
	}
	return json.Marshal(groups)
}
