package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Session returns one session; while it runs, its counts are counted from the
// records, those of more than 1,000 once a second, and its progress is
// estimated. Error: session.ErrNotFound.
func (s *Store) Session(ctx context.Context, id session.ID) (session.Session, error) {
	row, err := s.q.SessionRow(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return session.Session{}, session.ErrNotFound
	}
	if err != nil {
		return session.Session{}, fmt.Errorf("read session: %w", err)
	}
	if row.CompletedAt == nil {
		return s.liveSession(ctx, row)
	}
	return toSession(row)
}

// fillSessions adds the live counts that the rows of open sessions do not hold.
// A session may end between the two reads: the counts are then the final ones
// and the status is a moment old, never the other way round.
func (s *Store) fillSessions(ctx context.Context, rows []dbq.SyncSession) ([]session.Session, error) {
	list := make([]session.Session, len(rows))
	open := make(map[session.ID]*session.Session)
	for i, row := range rows {
		one, err := toSession(row)
		if err != nil {
			return nil, err
		}
		list[i] = one
		if !one.Status.Terminal() {
			open[one.ID] = &list[i]
		}
	}
	if len(open) == 0 {
		return list, nil
	}
	counts, err := s.q.CountRecords(ctx, dbq.CountRecordsParams{
		SessionIds: slices.Collect(maps.Keys(open)), Recent: session.RateWindow,
	})
	if err != nil {
		return nil, fmt.Errorf("count records: %w", err)
	}
	for _, c := range counts {
		one := open[c.SessionID]
		one.Counts, one.Items = toCounts(c), toItems(c)
		one.Progress.Rate = session.Rate(int(c.Recent), c.CountedAt.Sub(one.StartedAt))
	}
	return list, nil
}

// forecastSample is how many records of one state are looked at for a forecast.
const forecastSample = 100

// forecast returns how long the session will go on; nil when that is unknown.
func (s *Store) forecast(ctx context.Context, one session.Session) (*time.Duration, error) {
	if one.Counts.Running == 0 {
		return nil, nil //nolint:nilnil // unknown is no fault
	}
	rows, err := s.q.ForecastRecords(ctx, dbq.ForecastRecordsParams{
		SessionID: one.ID, Category: string(one.Category), Sample: forecastSample,
	})
	if err != nil {
		return nil, fmt.Errorf("look at the history of open records: %w", err)
	}
	open := map[session.RecordStatus]int{
		session.RecordPending: one.Counts.Pending, session.RecordQueued: one.Counts.Queued, session.RecordRunning: one.Counts.Running,
	}
	forecasts := make([]session.Forecast, len(rows))
	for i, row := range rows {
		forecasts[i] = session.Forecast{
			Open: open[session.RecordStatus(row.Status)], Looked: int(row.Looked), Known: int(row.Known),
			Mean: time.Duration(row.LeftMs) * time.Millisecond,
		}
	}
	return session.Left(forecasts, one.Counts.Running), nil
}

func toCounts(c dbq.CountRecordsRow) session.Counts {
	return session.Counts{
		Pending: int(c.Pending), Queued: int(c.Queued), Running: int(c.Running), Completed: int(c.Completed),
		Failed: int(c.Failed), Cancelled: int(c.Cancelled), Skipped: int(c.Skipped), Partial: int(c.Partial),
	}
}

func toItems(c dbq.CountRecordsRow) session.Items {
	return session.Items{Synced: c.ItemsSynced, Created: c.ItemsCreated, Updated: c.ItemsUpdated, Deleted: c.ItemsDeleted}
}

func toSession(row dbq.SyncSession) (session.Session, error) {
	out := session.Session{
		Row: row.ID, ID: row.SessionID, Type: session.Type(row.SyncType), Category: session.Category(row.SyncCategory),
		Status: session.Status(row.Status), Reason: row.Reason, Parent: row.ParentID,
		MaxAttempts: int(row.MaxAttempts), CreatedBy: row.CreatedBy, Schedule: (*session.ScheduleID)(row.ScheduleID),
		StartedAt: row.StartedAt, DeadlineAt: row.DeadlineAt, CompletedAt: row.CompletedAt,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Total: int(row.TotalInstances),
		Counts: session.Counts{
			Completed: int(row.SuccessfulInstances), Failed: int(row.FailedInstances),
			Cancelled: int(row.CancelledInstances), Skipped: int(row.SkippedInstances), Partial: int(row.PartialInstances),
		},
		Items: session.Items{Synced: row.ItemsSynced, Created: row.ItemsCreated, Updated: row.ItemsUpdated, Deleted: row.ItemsDeleted},
		P50:   milliseconds(row.DurationP50Ms), P95: milliseconds(row.DurationP95Ms), Max: milliseconds(row.DurationMaxMs),
	}
	if row.Result != nil {
		out.Result = session.Result(*row.Result)
	}
	if err := json.Unmarshal(row.Selector, &out.Selector); err != nil {
		return out, fmt.Errorf("decode selector of session %s: %w", row.SessionID, err)
	}
	if err := json.Unmarshal(row.ErrorGroups, &out.ErrorGroups); err != nil {
		return out, fmt.Errorf("decode error groups of session %s: %w", row.SessionID, err)
	}
	return out, nil
}

func milliseconds(ms *int64) *time.Duration {
	if ms == nil {
		return nil
	}
	d := time.Duration(*ms) * time.Millisecond
	return &d
}

func toRecord(row dbq.SyncInstanceRecord) session.Record {
	return session.Record{
		ID: session.RecordID(row.ID), SessionID: row.SessionID, InstanceID: fleet.InstanceID(row.InstanceID),
		InstanceName: row.InstanceName, Category: session.Category(row.SyncCategory),
		Status: session.RecordStatus(row.Status), Attempt: int(row.Attempt), Failures: int(row.Failures), Lost: int(row.Lost),
		DueAt: row.DueAt, StartedAt: row.StartedAt, CompletedAt: row.CompletedAt, Duration: milliseconds(row.DurationMs),
		Items: session.Items{
			Synced: int64(row.ItemsSynced), Created: int64(row.ItemsCreated),
			Updated: int64(row.ItemsUpdated), Deleted: int64(row.ItemsDeleted),
		},
		Partial: row.Partial, Fault: toFault(row), Fingerprint: session.Fingerprint(row.ErrorFingerprint),
		Details: row.SyncDetails, CreatedAt: row.CreatedAt,
	}
}

func toFault(row dbq.SyncInstanceRecord) *session.Fault {
	if row.ErrorCode == nil {
		return nil
	}
	f := &session.Fault{Code: session.Code(*row.ErrorCode), Err: errors.New("")}
	if row.ErrorPhase != nil {
		f.Phase = session.Phase(*row.ErrorPhase)
	}
	if row.ErrorMessage != nil {
		f.Err = errors.New(*row.ErrorMessage)
	}
	return f
}
