package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

// CreateSchedule stores a schedule for the actor and an audit event; an empty
// time zone is that of the settings. It fires from now on unless paused.
// Errors: *invalid.Error, schedule.ErrNameTaken, session.ErrNotServed.
func (s *Store) CreateSchedule(ctx context.Context, in schedule.Schedule, paused bool) (made schedule.Schedule, err error) {
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if in.TimeZone == "" {
			set, err := settings(ctx, q)
			if err != nil {
				return err
			}
			in.TimeZone = set.TimeZone
		}
		if in, err = in.Normalise(); err != nil {
			return err
		}
		made, err = createSchedule(ctx, q, in, paused, s.Serves)
		return err
	})
	return made, err
}

func createSchedule(ctx context.Context, q *dbq.Queries, in schedule.Schedule, paused bool, serves session.Serves) (schedule.Schedule, error) {
	if err := checkSelection(ctx, q, in, serves); err != nil {
		return in, err
	}
	if !paused {
		now, err := q.TransactionTime(ctx)
		if err != nil {
			return in, fmt.Errorf("read time: %w", err)
		}
		if in.NextFire, err = nextFire(in, now); err != nil {
			return in, err
		}
	}
	selector, err := json.Marshal(in.Selector)
	if err != nil {
		return in, fmt.Errorf("encode selector: %w", err)
	}
	id, err := q.InsertSchedule(ctx, dbq.InsertScheduleParams{
		Name: in.Name, Cron: in.Cron, TimeZone: in.TimeZone, SyncCategory: string(in.Category), Selector: selector,
		Overlap: string(in.Overlap), CatchUp: string(in.CatchUp), MaxAttempts: attempts(in.MaxAttempts),
		Paused: paused, NextFireAt: in.NextFire, CreatedBy: int64(user.ActorFrom(ctx).ID),
	})
	if err != nil {
		return in, scheduleError("insert", in, err)
	}
	detail := map[string]any{
		"name": in.Name, "cron": in.Cron, "time_zone": in.TimeZone, "category": in.Category, "selector": in.Selector, "paused": paused,
	}
	if err := insertAudit(ctx, q, scheduleEvent("create", schedule.ID(id), detail)); err != nil {
		return in, err
	}
	return getSchedule(ctx, q, schedule.ID(id))
}

// checkSelection refuses a category that nobody serves and instances that do
// not exist. One that is not active may become so before the schedule fires.
func checkSelection(ctx context.Context, q *dbq.Queries, in schedule.Schedule, serves session.Serves) error {
	if err := in.CheckServed(serves); err != nil {
		return err
	}
	if len(in.Selector.IDs) == 0 {
		return nil
	}
	missing, err := q.MissingInstances(ctx, numbers(in.Selector.IDs))
	if err != nil {
		return fmt.Errorf("check selected ids: %w", err)
	}
	var faults []error
	for _, id := range missing {
		faults = append(faults, invalid.Field("selector.ids", "instance %d does not exist", id))
	}
	return errors.Join(faults...)
}

// nextFire returns the first fire time after now.
func nextFire(in schedule.Schedule, now time.Time) (*time.Time, error) {
	table, err := schedule.ParseTimetable(in.Cron, in.TimeZone)
	if err != nil {
		return nil, err
	}
	next := table.Next(now)
	return &next, nil
}

// UpdateSchedule applies a change to a living schedule and stores it with an
// audit event; a change to what is already so has none. A new cron expression or zone counts from now; what was due
// before is missed. Errors: *invalid.Error, schedule.ErrNotFound,
// schedule.ErrNameTaken, session.ErrNotServed.
func (s *Store) UpdateSchedule(ctx context.Context, id schedule.ID, c schedule.Change) (changed schedule.Schedule, err error) {
	err = s.transact(ctx, func(tx pgx.Tx) error {
		f, err := s.lockedSchedule(ctx, tx, id)
		if err != nil {
			return err
		}
		changed, err = f.update(ctx, c)
		return err
	})
	return changed, err
}

func (f *firer) update(ctx context.Context, c schedule.Change) (schedule.Schedule, error) {
	old := f.schedule
	in, err := c.Apply(old).Normalise()
	if err != nil {
		return in, err
	}
	if c.Selector != nil || c.Category != nil {
		if err := checkSelection(ctx, f.q, in, f.serves); err != nil {
			return in, err
		}
	}
	if retimed := in.Cron != old.Cron || in.TimeZone != old.TimeZone; retimed && old.PausedAt == nil {
		if err := f.lapse(ctx, "changed before it fired"); err != nil {
			return in, err
		}
		if in.NextFire, err = nextFire(in, f.now); err != nil {
			return in, err
		}
	}
	if err := writeSchedule(ctx, f.q, in); err != nil {
		return in, err
	}
	if err := f.auditUpdate(ctx, old, in); err != nil {
		return in, err
	}
	return getSchedule(ctx, f.q, in.ID)
}

func (f *firer) auditUpdate(ctx context.Context, old, in schedule.Schedule) error {
	detail := scheduleDifferences(old, in)
	if len(detail) == 0 {
		return nil
	}
	return insertAudit(ctx, f.q, scheduleEvent("update", in.ID, withName(detail, old.Name)))
}

func writeSchedule(ctx context.Context, q *dbq.Queries, in schedule.Schedule) error {
	selector, err := json.Marshal(in.Selector)
	if err != nil {
		return fmt.Errorf("encode selector: %w", err)
	}
	err = q.UpdateSchedule(ctx, dbq.UpdateScheduleParams{
		ID: int64(in.ID), Name: in.Name, Cron: in.Cron, TimeZone: in.TimeZone, SyncCategory: string(in.Category), Selector: selector,
		Overlap: string(in.Overlap), CatchUp: string(in.CatchUp), MaxAttempts: attempts(in.MaxAttempts), NextFireAt: in.NextFire,
	})
	return scheduleError("update", in, err)
}

// scheduleError names what a person has to change.
func scheduleError(verb string, in schedule.Schedule, err error) error {
	switch {
	case err == nil:
		return nil
	case violates(err, "schedules_name"):
		return schedule.ErrNameTaken
	}
	return fmt.Errorf("%s schedule %s: %w", verb, in.Name, err)
}

// DeleteSchedule ends a schedule and keeps its history. Its sessions go on; a
// fire that waits is skipped. Its name is free again. Error:
// schedule.ErrNotFound.
func (s *Store) DeleteSchedule(ctx context.Context, id schedule.ID) error {
	return s.transact(ctx, func(tx pgx.Tx) error {
		f, err := s.lockedSchedule(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f.stop(ctx, "removed before it fired"); err != nil {
			return err
		}
		if err := f.q.RemoveSchedule(ctx, int64(id)); err != nil {
			return fmt.Errorf("delete schedule %d: %w", id, err)
		}
		return insertAudit(ctx, f.q, scheduleEvent("delete", id, map[string]any{"name": f.schedule.Name, "cron": f.schedule.Cron}))
	})
}

// PauseSchedule lets a schedule fire no more until it is resumed; a fire that
// waits is skipped. A paused one stays as it is. Error: schedule.ErrNotFound.
func (s *Store) PauseSchedule(ctx context.Context, id schedule.ID) (paused schedule.Schedule, err error) {
	err = s.transact(ctx, func(tx pgx.Tx) error {
		f, err := s.lockedSchedule(ctx, tx, id)
		if err != nil {
			return err
		}
		if f.schedule.PausedAt == nil {
			err = f.pause(ctx, "paused before it fired")
		}
		if err != nil {
			return err
		}
		paused, err = getSchedule(ctx, f.q, id)
		return err
	})
	return paused, err
}

func (f *firer) pause(ctx context.Context, reason string) error {
	if err := f.stop(ctx, reason); err != nil {
		return err
	}
	if err := f.q.PauseSchedule(ctx, int64(f.schedule.ID)); err != nil {
		return fmt.Errorf("pause schedule: %w", err)
	}
	return insertAudit(ctx, f.q, scheduleEvent("pause", f.schedule.ID, map[string]any{"name": f.schedule.Name, "reason": reason}))
}

// ResumeSchedule lets a paused schedule fire again, from now on: what would
// have been due meanwhile is not missed. One that is not paused stays as it is.
// Errors: schedule.ErrNotFound, *invalid.Error when it cannot be understood.
func (s *Store) ResumeSchedule(ctx context.Context, id schedule.ID) (resumed schedule.Schedule, err error) {
	err = s.transact(ctx, func(tx pgx.Tx) error {
		f, err := s.lockedSchedule(ctx, tx, id)
		if err != nil {
			return err
		}
		if f.schedule.PausedAt != nil {
			err = f.resume(ctx)
		}
		if err != nil {
			return err
		}
		resumed, err = getSchedule(ctx, f.q, id)
		return err
	})
	return resumed, err
}

func (f *firer) resume(ctx context.Context) error {
	next, err := nextFire(f.schedule, f.now)
	if err != nil {
		return err
	}
	if err := f.q.ResumeSchedule(ctx, dbq.ResumeScheduleParams{ID: int64(f.schedule.ID), NextFireAt: *next}); err != nil {
		return fmt.Errorf("resume schedule: %w", err)
	}
	return insertAudit(ctx, f.q, scheduleEvent("resume", f.schedule.ID, map[string]any{"name": f.schedule.Name}))
}

func scheduleEvent(verb string, id schedule.ID, detail map[string]any) user.Event {
	return user.Event{
		Action: "schedule." + verb, ObjectType: "schedule", ObjectID: strconv.FormatInt(int64(id), 10), Detail: detail,
	}
}

// attempts is nil for the setting's value.
func attempts(n int) *int32 {
	if n == 0 {
		return nil
	}
	stored := int32(n)
	return &stored
}

func toSchedule(row dbq.Schedule) (schedule.Schedule, error) {
	out := schedule.Schedule{
		ID: schedule.ID(row.ID), Name: row.Name, Cron: row.Cron, TimeZone: row.TimeZone, Category: session.Category(row.SyncCategory),
		Overlap: schedule.Overlap(row.Overlap), CatchUp: schedule.CatchUp(row.CatchUp), PausedAt: row.PausedAt,
		NextFire: row.NextFireAt, CreatedBy: row.CreatedBy, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if row.MaxAttempts != nil {
		out.MaxAttempts = int(*row.MaxAttempts)
	}
	if err := json.Unmarshal(row.Selector, &out.Selector); err != nil {
		return out, fmt.Errorf("decode selector of schedule %d: %w", row.ID, err)
	}
	return out, nil
}

func toFire(row dbq.ScheduleFire) schedule.Fire {
	return schedule.Fire{
		ID: schedule.FireID(row.ID), Schedule: schedule.ID(row.ScheduleID), Time: row.FireTime, Trigger: schedule.Trigger(row.Trigger),
		Outcome: schedule.Outcome(row.Outcome), Late: row.Late, Reason: row.Reason, Session: row.SessionID, CreatedBy: row.CreatedBy,
		MissedFrom: row.MissedFrom, MissedCount: int(row.MissedCount), CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
}

func toFires(rows []dbq.ScheduleFire) []schedule.Fire {
	list := make([]schedule.Fire, len(rows))
	for i, row := range rows {
		list[i] = toFire(row)
	}
	return list
}
