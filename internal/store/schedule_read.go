package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/schedule"
)

// Schedule returns a living schedule, or schedule.ErrNotFound.
func (s *Store) Schedule(ctx context.Context, id schedule.ID) (schedule.Schedule, error) {
	return getSchedule(ctx, s.q, id)
}

func getSchedule(ctx context.Context, q *dbq.Queries, id schedule.ID) (schedule.Schedule, error) {
	row, err := q.GetSchedule(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return schedule.Schedule{}, schedule.ErrNotFound
	}
	if err != nil {
		return schedule.Schedule{}, fmt.Errorf("read schedule %d: %w", id, err)
	}
	return toSchedule(row)
}

// Schedules returns living schedules by id: at most limit of them, with ids
// over after. next is the id to go on after; 0 when there are no more.
func (s *Store) Schedules(ctx context.Context, f schedule.Filter, limit int, after schedule.ID) (list []schedule.Schedule, next schedule.ID, err error) {
	var rows []dbq.Schedule
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if err := q.PlanForValues(ctx); err != nil {
			return err
		}
		rows, err = q.ListSchedules(ctx, dbq.ListSchedulesParams{
			After: int64(after), Name: f.Name, ExactName: f.ExactName, RowLimit: more(limit),
		})
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list schedules: %w", err)
	}
	rows, last := cut(rows, limit, func(row dbq.Schedule) int64 { return row.ID })
	for _, row := range rows {
		one, err := toSchedule(row)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, one)
	}
	return list, schedule.ID(last), nil
}

// Fires returns the history of a living schedule, newest first, at most limit
// lines and older than after (0: from the newest). next is the number to go on
// from; 0 when there are no more. Error: schedule.ErrNotFound.
func (s *Store) Fires(ctx context.Context, id schedule.ID, limit int, after schedule.FireID) (list []schedule.Fire, next schedule.FireID, err error) {
	if _, err := getSchedule(ctx, s.q, id); err != nil {
		return nil, 0, err
	}
	rows, err := s.q.FireRows(ctx, dbq.FireRowsParams{ScheduleID: int64(id), BeforeID: beforeID(int64(after)), RowLimit: more(limit)})
	if err != nil {
		return nil, 0, fmt.Errorf("list fires: %w", err)
	}
	list, next = cut(toFires(rows), limit, func(f schedule.Fire) schedule.FireID { return f.ID })
	return list, next, nil
}

// NextFires returns the schedule and its next count fire times, as if it were
// not paused. Errors: schedule.ErrNotFound, *invalid.Error when the schedule
// cannot be understood.
func (s *Store) NextFires(ctx context.Context, id schedule.ID, count int) (one schedule.Schedule, times []time.Time, err error) {
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if one, err = getSchedule(ctx, q, id); err != nil {
			return err
		}
		table, err := schedule.ParseTimetable(one.Cron, one.TimeZone)
		if err != nil {
			return err
		}
		now, err := q.TransactionTime(ctx)
		if err != nil {
			return fmt.Errorf("read time: %w", err)
		}
		times = table.Upcoming(now, count)
		return nil
	})
	return one, times, err
}
