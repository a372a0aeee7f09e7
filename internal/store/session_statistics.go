package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
)

// sumTime bounds what is done for several who ask.
const sumTime = 20 * time.Second

// Statistics sums up the sessions that the filter lets through, by default
// those that started within the last 30 days. Days begin in the zone of the
// settings. Who asks the same while it is being summed up gets that answer,
// which is for reading only. Error: *invalid.Error.
func (s *Store) Statistics(ctx context.Context, f session.Filter, now time.Time) (session.Statistics, error) {
	key, err := json.Marshal(f)
	if err != nil { // a year that JSON cannot say: nobody else asks for it
		return s.sumUp(ctx, f, now)
	}
	return together(ctx, &s.sums, string(key), sumTime, func(ctx context.Context) (session.Statistics, error) { return s.sumUp(ctx, f, now) })
}

func (s *Store) sumUp(ctx context.Context, f session.Filter, now time.Time) (session.Statistics, error) {
	f, err := f.Span(now)
	if err != nil {
		return session.Statistics{}, err
	}
	var set setting.Settings
	var rows []dbq.SessionStatisticsRow
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if set, err = settings(ctx, q); err != nil {
			return err
		}
		if err := q.PlanForValues(ctx); err != nil {
			return err
		}
		rows, err = q.SessionStatistics(ctx, statisticsParams(f, set.TimeZone))
		return err
	})
	if err != nil {
		return session.Statistics{}, fmt.Errorf("sum sessions up: %w", err)
	}
	zone, err := time.LoadLocation(set.TimeZone)
	if err != nil {
		return session.Statistics{}, fmt.Errorf("load zone of the settings: %w", err)
	}
	return toStatistics(f, zone, rows), nil
}

func statisticsParams(f session.Filter, zone string) dbq.SessionStatisticsParams {
	c := sessionParams(f)
	return dbq.SessionStatisticsParams{
		Zone: zone, SyncType: c.SyncType, SyncCategory: c.SyncCategory, Status: c.Status, Result: c.Result,
		CreatedBy: c.CreatedBy, BySchedule: c.BySchedule, StartedFrom: c.StartedFrom, StartedTo: c.StartedTo,
		ScheduleID: c.ScheduleID, InstanceID: c.InstanceID, Pattern: c.Pattern, FirstID: c.FirstID, LastID: c.LastID, InstanceName: c.InstanceName,
	}
}

func toStatistics(f session.Filter, zone *time.Location, rows []dbq.SessionStatisticsRow) session.Statistics {
	out := session.Statistics{
		From: *f.From, To: *f.To, Zone: zone.String(),
		Statuses: map[session.Status]session.Figures{}, Results: map[session.Result]session.Figures{},
		Types: map[session.Type]session.Figures{}, Category: map[session.Category]session.Figures{},
	}
	days := map[string]session.Figures{}
	for _, row := range rows {
		figures := toFigures(row)
		switch row.Dimension {
		case "status":
			out.Statuses[session.Status(row.Value)] = figures
		case "result":
			out.Results[session.Result(row.Value)] = figures
		case "type":
			out.Types[session.Type(row.Value)] = figures
		case "category":
			out.Category[session.Category(row.Value)] = figures
		case "day":
			days[row.Value] = figures
		default:
			out.All = figures
		}
	}
	delete(out.Results, "") // those that run
	for _, date := range session.Days(*f.From, *f.To, zone) {
		out.Days = append(out.Days, session.DayFigures{Date: date, Figures: days[date]})
	}
	return out
}

func toFigures(row dbq.SessionStatisticsRow) session.Figures {
	figures := session.Figures{
		Sessions: int(row.Sessions), Ended: int(row.Ended), Succeeded: int(row.Succeeded), Total: int(row.Total),
		Counts: session.Counts{
			Completed: int(row.Completed), Failed: int(row.Failed), Cancelled: int(row.Cancelled),
			Skipped: int(row.Skipped), Partial: int(row.Partial),
		},
		Items: session.Items{Synced: row.ItemsSynced, Created: row.ItemsCreated, Updated: row.ItemsUpdated, Deleted: row.ItemsDeleted},
		Busy:  time.Duration(row.BusyMs) * time.Millisecond,
	}
	if row.Ended > 0 {
		figures.P50, figures.P95, figures.Max = milliseconds(&row.Percentiles[0]), milliseconds(&row.Percentiles[1]), milliseconds(&row.Longest)
	}
	return figures
}
