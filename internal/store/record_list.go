package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Records returns one page of the records of a session, by default by their
// numbers; those that do not run yet say why. next is the place to go on from;
// zero at the end. Error: session.ErrNotFound.
func (s *Store) Records(ctx context.Context, id session.ID, f session.RecordFilter, p session.Page) (list []session.Record, next session.Place, err error) {
	var rows []dbq.SyncInstanceRecord
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if err := q.PlanForValues(ctx); err != nil {
			return err
		}
		rows, err = recordRows(ctx, q, id, f, p)
		return err
	})
	if err != nil {
		return nil, next, fmt.Errorf("list records: %w", err)
	}
	if len(rows) == 0 {
		return nil, next, s.checkSession(ctx, id)
	}
	rows, next = cut(rows, p.Limit, func(r dbq.SyncInstanceRecord) session.Place { return placeOf(r, p.By) })
	waits, err := s.waits(ctx, rows)
	if err != nil {
		return nil, next, err
	}
	for _, row := range rows {
		one := toRecord(row)
		one.Waiting = waits[row.ID]
		list = append(list, one)
	}
	return list, next, nil
}

// Record returns one record, with why it does not run yet. Error:
// session.ErrRecordNotFound.
func (s *Store) Record(ctx context.Context, id session.RecordID) (session.Record, error) {
	row, err := s.q.RecordRow(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return session.Record{}, session.ErrRecordNotFound
	}
	if err != nil {
		return session.Record{}, fmt.Errorf("read record %d: %w", id, err)
	}
	waits, err := s.waits(ctx, []dbq.SyncInstanceRecord{row})
	if err != nil {
		return session.Record{}, err
	}
	one := toRecord(row)
	one.Waiting = waits[row.ID]
	return one, nil
}

// checkSession returns session.ErrNotFound when there is no such session.
func (s *Store) checkSession(ctx context.Context, id session.ID) error {
	_, err := s.q.SessionRow(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return session.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	return nil
}

func placeOf(row dbq.SyncInstanceRecord, by session.SortKey) session.Place {
	place := session.Place{ID: row.ID}
	switch by {
	case session.ByDuration:
		place.Number = row.DurationMs
	case session.ByName:
		place.Text = row.InstanceName
	}
	return place
}

func recordRows(ctx context.Context, q *dbq.Queries, id session.ID, f session.RecordFilter, p session.Page) ([]dbq.SyncInstanceRecord, error) {
	switch p.By {
	case session.ByDuration:
		return recordsByDuration(ctx, q, id, f, p)
	case session.ByName:
		return q.RecordsByName(ctx, dbq.RecordsByNameParams{
			SessionID: id, Statuses: texts(f.Statuses()), AfterID: p.After.ID, AfterName: p.After.Text, Back: p.Descending,
			ErrorCode: string(f.Code), ErrorFingerprint: string(f.Fingerprint), Pattern: contains(f.Query), RowLimit: more(p.Limit),
		})
	}
	return recordsByID(ctx, q, id, f, p, false)
}

// recordsByID lists by number; unmeasured leaves out what has a duration.
func recordsByID(ctx context.Context, q *dbq.Queries, id session.ID, f session.RecordFilter, p session.Page, unmeasured bool) ([]dbq.SyncInstanceRecord, error) {
	arg := dbq.RecordRowsParams{
		SessionID: id, Statuses: texts(f.Statuses()), After: p.After.ID, Unmeasured: unmeasured,
		ErrorCode: string(f.Code), ErrorFingerprint: string(f.Fingerprint), Pattern: contains(f.Query), RowLimit: more(p.Limit),
	}
	if p.Descending {
		return q.RecordRowsBack(ctx, dbq.RecordRowsBackParams(arg))
	}
	return q.RecordRows(ctx, arg)
}

// recordsByDuration lists what has a duration, and after it what has none.
func recordsByDuration(ctx context.Context, q *dbq.Queries, id session.ID, f session.RecordFilter, p session.Page) ([]dbq.SyncInstanceRecord, error) {
	var rows []dbq.SyncInstanceRecord
	if p.After.ID == 0 || p.After.Number != nil {
		var err error
		if rows, err = measured(ctx, q, id, f, p); err != nil || len(rows) > p.Limit {
			return rows, err
		}
		p.After = session.Place{}
	}
	// A completed record has a duration: a session of them need not be searched.
	f.Status = slices.DeleteFunc(slices.Clone(f.Statuses()), func(s session.RecordStatus) bool { return s == session.RecordCompleted })
	if len(f.Status) == 0 {
		return rows, nil
	}
	p.Limit -= len(rows)
	rest, err := recordsByID(ctx, q, id, f, p, true)
	return append(rows, rest...), err
}

func measured(ctx context.Context, q *dbq.Queries, id session.ID, f session.RecordFilter, p session.Page) ([]dbq.SyncInstanceRecord, error) {
	arg := dbq.RecordsByDurationParams{
		SessionID: id, Statuses: texts(f.Statuses()), AfterID: p.After.ID, AfterMs: number(p.After),
		ErrorCode: string(f.Code), ErrorFingerprint: string(f.Fingerprint), Pattern: contains(f.Query), RowLimit: more(p.Limit),
	}
	if p.Descending {
		return q.RecordsByDurationBack(ctx, dbq.RecordsByDurationBackParams(arg))
	}
	return q.RecordsByDuration(ctx, arg)
}

// waits returns why those of the rows that are pending or queued do not run.
func (s *Store) waits(ctx context.Context, rows []dbq.SyncInstanceRecord) (map[int64]*session.Waiting, error) {
	var ids []int64
	for _, row := range rows {
		if row.Status == string(session.RecordPending) || row.Status == string(session.RecordQueued) {
			ids = append(ids, row.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil //nolint:nilnil // nothing waits
	}
	set, err := settings(ctx, s.q)
	if err != nil {
		return nil, err
	}
	found, err := s.q.RecordObstacles(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("look why records wait: %w", err)
	}
	waits := make(map[int64]*session.Waiting, len(found))
	for _, row := range found {
		waits[row.ID] = new(toObstacles(row, set.HostLimit).Waiting())
	}
	return waits, nil
}

func toObstacles(row dbq.RecordObstaclesRow, hostLimit int) session.Obstacles {
	o := session.Obstacles{
		Status: session.RecordStatus(row.Status), DueAt: row.DueAt, QueuedAt: row.QueuedAt, Now: row.LookedAt,
		Workers: int(row.Workers), HostBusy: int(row.HostBusy), HostLimit: hostLimit, Proven: row.Proven, Logins: int(row.Logins),
	}
	if row.Other != uuid.Nil {
		o.Other = &row.Other
	}
	return o
}
