package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Sessions returns one page of the sessions that the filter lets through, by
// default the newest first. next is the place to go on from; zero at the end.
// Error: *invalid.Error.
func (s *Store) Sessions(ctx context.Context, f session.Filter, p session.Page) (list []session.Session, next session.Place, err error) {
	if err := f.Validate(); err != nil {
		return nil, next, err
	}
	var rows []dbq.SessionsSortedRow
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if err := q.PlanForValues(ctx); err != nil {
			return err
		}
		rows, err = sessionRows(ctx, q, f, p)
		return err
	})
	if err != nil {
		return nil, next, fmt.Errorf("list sessions: %w", err)
	}
	rows, next = cut(rows, p.Limit, func(r dbq.SessionsSortedRow) session.Place {
		return session.Place{ID: r.SyncSession.ID, Number: &r.Number}
	})
	plain := make([]dbq.SyncSession, len(rows))
	for i, row := range rows {
		plain[i] = row.SyncSession
	}
	list, err = s.listedSessions(ctx, plain)
	return list, next, err
}

// sessionRows takes the order that an index has from the index.
func sessionRows(ctx context.Context, q *dbq.Queries, f session.Filter, p session.Page) ([]dbq.SessionsSortedRow, error) {
	if p.By == "" || p.By == session.ByStart && p.Descending {
		return newestSessions(ctx, q, f, p)
	}
	sign := int64(1)
	if p.Descending {
		sign = -1
	}
	arg := sessionParams(f)
	arg.Sign, arg.SortBy, arg.RowLimit = sign, string(p.By), more(p.Limit)
	arg.AfterID, arg.AfterNumber = p.After.ID, number(p.After)
	return q.SessionsSorted(ctx, arg)
}

func newestSessions(ctx context.Context, q *dbq.Queries, f session.Filter, p session.Page) ([]dbq.SessionsSortedRow, error) {
	c := sessionParams(f)
	started := time.UnixMicro(max(number(p.After), 0)) // of a made up cursor, too, a time that Postgres knows
	found, err := q.SessionsByStart(ctx, dbq.SessionsByStartParams{
		AfterID: p.After.ID, AfterAt: started, RowLimit: more(p.Limit),
		SyncType: c.SyncType, SyncCategory: c.SyncCategory, Status: c.Status, Result: c.Result,
		CreatedBy: c.CreatedBy, BySchedule: c.BySchedule, StartedFrom: c.StartedFrom, StartedTo: c.StartedTo,
		ScheduleID: c.ScheduleID, InstanceID: c.InstanceID, Pattern: c.Pattern, FirstID: c.FirstID, LastID: c.LastID, InstanceName: c.InstanceName,
	})
	rows := make([]dbq.SessionsSortedRow, len(found))
	for i, row := range found {
		rows[i] = dbq.SessionsSortedRow{SyncSession: row, Number: row.StartedAt.UnixMicro()}
	}
	return rows, err
}

// number is the value of a place, last of all when it has none.
func number(p session.Place) int64 {
	if p.Number == nil {
		return math.MaxInt64
	}
	return *p.Number
}

// sessionParams are the columns of a filter; the rest is for the caller to fill.
func sessionParams(f session.Filter) dbq.SessionsSortedParams {
	arg := dbq.SessionsSortedParams{
		SyncType: (*string)(f.Type), SyncCategory: (*string)(f.Category), Status: (*string)(f.Status), Result: (*string)(f.Result),
		StartedFrom: f.From, StartedTo: f.To, ScheduleID: (*int64)(f.Schedule), InstanceID: (*int64)(f.Instance),
		Pattern: contains(f.Query), InstanceName: optional(f.Query),
	}
	if c := f.Creator; c != nil && c.Schedule {
		arg.BySchedule = true
	} else if c != nil {
		arg.CreatedBy = &c.User
	}
	if first, last, ok := f.IDs(); ok {
		arg.FirstID, arg.LastID = &first, &last
	}
	return arg
}
