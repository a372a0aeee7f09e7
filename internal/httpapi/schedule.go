package httpapi

import (
	"context"
	"time"

	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Schedules keeps schedules. Errors are those of package schedule,
// session.ErrNotServed, session.ErrEmptySelection and *invalid.Error.
type Schedules interface {
	CreateSchedule(ctx context.Context, s schedule.Schedule, paused bool) (schedule.Schedule, error)
	UpdateSchedule(ctx context.Context, id schedule.ID, c schedule.Change) (schedule.Schedule, error)
	DeleteSchedule(ctx context.Context, id schedule.ID) error
	ScheduleSwitch
	ScheduleReader
}

// ScheduleSwitch decides when schedules fire.
type ScheduleSwitch interface {
	PauseSchedule(ctx context.Context, id schedule.ID) (schedule.Schedule, error)
	ResumeSchedule(ctx context.Context, id schedule.ID) (schedule.Schedule, error)
	RunSchedule(ctx context.Context, id schedule.ID, userID int64) (schedule.Fire, error)
}

// ScheduleReader reads schedules. Lists return the place after
// their last row, or 0 when there are no more.
type ScheduleReader interface {
	Schedule(ctx context.Context, id schedule.ID) (schedule.Schedule, error)
	Schedules(ctx context.Context, f schedule.Filter, limit int, after schedule.ID) (list []schedule.Schedule, next schedule.ID, err error)
	Fires(ctx context.Context, id schedule.ID, limit int, after schedule.FireID) (list []schedule.Fire, next schedule.FireID, err error)
	NextFires(ctx context.Context, id schedule.ID, count int) (schedule.Schedule, []time.Time, error)
}

// Names of the lists in cursors.
const (
	scheduleList = "schedules"
	fireList     = "fires"
)

// CreateSchedule adds a schedule.
func (a *API) CreateSchedule(ctx context.Context, r gen.CreateScheduleRequestObject) (gen.CreateScheduleResponseObject, error) {
	s, err := a.Schedules.CreateSchedule(ctx, schedule.Schedule{
		Name: r.Body.Name, Cron: r.Body.Cron, TimeZone: value(r.Body.TimeZone), Category: session.Category(r.Body.Category),
		Selector: fromSelector(r.Body.Selector), Overlap: schedule.Overlap(value(r.Body.Overlap)),
		CatchUp: schedule.CatchUp(value(r.Body.CatchUp)), MaxAttempts: value(r.Body.MaxAttempts),
	}, value(r.Body.Paused))
	if err != nil {
		return nil, err
	}
	return gen.CreateSchedule201JSONResponse(toSchedule(s)), nil
}

// ListSchedules lists schedules.
func (a *API) ListSchedules(ctx context.Context, r gen.ListSchedulesRequestObject) (gen.ListSchedulesResponseObject, error) {
	from, err := after(scheduleList, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	filter := schedule.Filter{Name: value(r.Params.Name), ExactName: value(r.Params.ExactName)}
	list, next, err := a.Schedules.Schedules(ctx, filter, limitOf(r.Params.Limit), schedule.ID(from))
	if err != nil {
		return nil, err
	}
	return gen.ListSchedules200JSONResponse{Items: mapped(list, toSchedule), NextCursor: nextCursor(scheduleList, int64(next))}, nil
}

// GetSchedule shows one schedule.
func (a *API) GetSchedule(ctx context.Context, r gen.GetScheduleRequestObject) (gen.GetScheduleResponseObject, error) {
	s, err := a.Schedules.Schedule(ctx, schedule.ID(r.ScheduleId))
	if err != nil {
		return nil, err
	}
	return gen.GetSchedule200JSONResponse(toSchedule(s)), nil
}

// UpdateSchedule changes the given fields.
func (a *API) UpdateSchedule(ctx context.Context, r gen.UpdateScheduleRequestObject) (gen.UpdateScheduleResponseObject, error) {
	change := schedule.Change{
		Name: r.Body.Name, Cron: r.Body.Cron, TimeZone: r.Body.TimeZone, Category: (*session.Category)(r.Body.Category),
		Overlap: (*schedule.Overlap)(r.Body.Overlap), CatchUp: (*schedule.CatchUp)(r.Body.CatchUp), MaxAttempts: r.Body.MaxAttempts,
	}
	if r.Body.Selector != nil {
		selector := fromSelector(*r.Body.Selector)
		change.Selector = &selector
	}
	s, err := a.Schedules.UpdateSchedule(ctx, schedule.ID(r.ScheduleId), change)
	if err != nil {
		return nil, err
	}
	return gen.UpdateSchedule200JSONResponse(toSchedule(s)), nil
}

// DeleteSchedule removes a schedule.
func (a *API) DeleteSchedule(ctx context.Context, r gen.DeleteScheduleRequestObject) (gen.DeleteScheduleResponseObject, error) {
	if err := a.Schedules.DeleteSchedule(ctx, schedule.ID(r.ScheduleId)); err != nil {
		return nil, err
	}
	return gen.DeleteSchedule204Response{}, nil
}

// PauseSchedule lets a schedule fire no more.
func (a *API) PauseSchedule(ctx context.Context, r gen.PauseScheduleRequestObject) (gen.PauseScheduleResponseObject, error) {
	s, err := a.Schedules.PauseSchedule(ctx, schedule.ID(r.ScheduleId))
	if err != nil {
		return nil, err
	}
	return gen.PauseSchedule200JSONResponse(toSchedule(s)), nil
}

// ResumeSchedule lets a schedule fire again.
func (a *API) ResumeSchedule(ctx context.Context, r gen.ResumeScheduleRequestObject) (gen.ResumeScheduleResponseObject, error) {
	s, err := a.Schedules.ResumeSchedule(ctx, schedule.ID(r.ScheduleId))
	if err != nil {
		return nil, err
	}
	return gen.ResumeSchedule200JSONResponse(toSchedule(s)), nil
}

// RunSchedule fires a schedule for the caller: 202 when it has to wait.
func (a *API) RunSchedule(ctx context.Context, r gen.RunScheduleRequestObject) (gen.RunScheduleResponseObject, error) {
	f, err := a.Schedules.RunSchedule(ctx, schedule.ID(r.ScheduleId), *creator(ctx))
	switch {
	case err != nil:
		return nil, err
	case f.Outcome == schedule.Queued:
		return gen.RunSchedule202JSONResponse(toFire(f)), nil
	}
	return gen.RunSchedule201JSONResponse(toFire(f)), nil
}

// ListScheduleFires lists what became of a schedule's times.
func (a *API) ListScheduleFires(ctx context.Context, r gen.ListScheduleFiresRequestObject) (gen.ListScheduleFiresResponseObject, error) {
	from, err := after(fireList, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Schedules.Fires(ctx, schedule.ID(r.ScheduleId), limitOf(r.Params.Limit), schedule.FireID(from))
	if err != nil {
		return nil, err
	}
	return gen.ListScheduleFires200JSONResponse{Items: mapped(list, toFire), NextCursor: nextCursor(fireList, int64(next))}, nil
}

// defaultCount is how many next times are shown when nobody says.
const defaultCount = 10

// ListNextFires lists a schedule's next times.
func (a *API) ListNextFires(ctx context.Context, r gen.ListNextFiresRequestObject) (gen.ListNextFiresResponseObject, error) {
	count := defaultCount
	if r.Params.Count != nil {
		count = *r.Params.Count
	}
	s, times, err := a.Schedules.NextFires(ctx, schedule.ID(r.ScheduleId), count)
	if err != nil {
		return nil, err
	}
	return gen.ListNextFires200JSONResponse{
		ScheduleId: int64(s.ID), TimeZone: s.TimeZone, Paused: s.PausedAt != nil, Items: mapped(times, time.Time.UTC),
	}, nil
}

func toSchedule(s schedule.Schedule) gen.Schedule {
	out := gen.Schedule{
		Id: int64(s.ID), Name: s.Name, Cron: s.Cron, TimeZone: s.TimeZone, Category: gen.Category(s.Category),
		Selector: toSelector(s.Selector), Overlap: gen.Overlap(s.Overlap), CatchUp: gen.CatchUp(s.CatchUp),
		Paused: s.PausedAt != nil, PausedAt: utc(s.PausedAt), NextFireAt: utc(s.NextFire),
		CreatedBy: s.CreatedBy, CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(),
	}
	if s.MaxAttempts > 0 {
		out.MaxAttempts = &s.MaxAttempts
	}
	return out
}

func toFire(f schedule.Fire) gen.ScheduleFire {
	return gen.ScheduleFire{
		Id: int64(f.ID), ScheduleId: int64(f.Schedule), FireTime: f.Time.UTC(), Trigger: gen.ScheduleFireTrigger(f.Trigger),
		Outcome: gen.ScheduleFireOutcome(f.Outcome), Late: f.Late, Reason: f.Reason, SessionId: f.Session, CreatedBy: f.CreatedBy,
		MissedFrom: utc(f.MissedFrom), MissedCount: f.MissedCount, CreatedAt: f.CreatedAt.UTC(), UpdatedAt: f.UpdatedAt.UTC(),
	}
}
