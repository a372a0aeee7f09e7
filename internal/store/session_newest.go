package store

import (
	"context"
	"fmt"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// NewestSessions returns the sessions of the choice that started last, newest
// first and at most limit of them, and how many there are in all. The counts of
// one that runs are counted from its records now; its items are not, and are 0.
func (s *Store) NewestSessions(ctx context.Context, c session.Choice, limit int) (list []session.Session, matching int, err error) {
	rows, err := s.q.NewestSessions(ctx, dbq.NewestSessionsParams{
		Types: texts(c.Types), Categories: texts(c.Categories), Statuses: texts(c.Statuses), RowLimit: int32(limit),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list newest sessions: %w", err)
	}
	for _, row := range rows {
		one, err := toSession(row.SyncSession)
		if err != nil {
			return nil, 0, err
		}
		if !one.Status.Terminal() {
			one.Counts = liveCounts(row)
		}
		list, matching = append(list, one), int(row.Matching)
	}
	return list, matching, nil
}

func liveCounts(row dbq.NewestSessionsRow) session.Counts {
	return session.Counts{
		Pending: int(row.Pending), Queued: int(row.Queued), Running: int(row.Running), Completed: int(row.Completed),
		Failed: int(row.Failed), Cancelled: int(row.Cancelled), Skipped: int(row.Skipped), Partial: int(row.Partial),
	}
}

// TallySessions counts all sessions there are by their words.
func (s *Store) TallySessions(ctx context.Context) ([]session.Tally, error) {
	rows, err := s.q.TallySessions(ctx)
	if err != nil {
		return nil, fmt.Errorf("tally sessions: %w", err)
	}
	list := make([]session.Tally, len(rows))
	for i, row := range rows {
		list[i] = session.Tally{
			Type: session.Type(row.SyncType), Category: session.Category(row.SyncCategory),
			Status: session.Status(row.Status), Sessions: int(row.Sessions),
		}
	}
	return list, nil
}

// WorstRecords returns records of one session in one of the states: failed ones
// first, then by their number, at most limit of them. An unknown session has none.
func (s *Store) WorstRecords(ctx context.Context, id session.ID, states []session.RecordStatus, limit int) ([]session.Record, error) {
	rows, err := s.q.WorstRecords(ctx, dbq.WorstRecordsParams{SessionID: id, Statuses: texts(states), RowLimit: int32(limit)})
	if err != nil {
		return nil, fmt.Errorf("list worst records: %w", err)
	}
	list := make([]session.Record, len(rows))
	for i, row := range rows {
		list[i] = toRecord(row)
	}
	return list, nil
}
