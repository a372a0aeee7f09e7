package store

import (
	"context"
	"fmt"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// NewestSessions returns the sessions of the choice that started last, newest
// first and at most limit of them, and how many there are in all. What runs has
// the counts that Sessions shows, too.
func (s *Store) NewestSessions(ctx context.Context, c session.Choice, limit int) (list []session.Session, matching int, err error) {
	rows, err := s.q.NewestSessions(ctx, dbq.NewestSessionsParams{
		Types: texts(c.Types), Categories: texts(c.Categories), Statuses: texts(c.Statuses), RowLimit: int32(limit),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list newest sessions: %w", err)
	}
	plain := make([]dbq.SyncSession, len(rows))
	for i, row := range rows {
		plain[i], matching = row.SyncSession, int(row.Matching)
	}
	list, err = s.listedSessions(ctx, plain)
	return list, matching, err
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
