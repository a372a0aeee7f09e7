package httpapi

import (
	"context"
	"math"

	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/session"
)

// GetSyncStatistics sums sessions up.
func (a *API) GetSyncStatistics(ctx context.Context, r gen.GetSyncStatisticsRequestObject) (gen.GetSyncStatisticsResponseObject, error) {
	p := r.Params
	filter, err := sessionFilter(gen.ListSyncSessionsParams{
		Category: p.Category, Status: p.Status, Type: p.Type, Result: p.Result, CreatedBy: p.CreatedBy,
		InstanceId: p.InstanceId, ScheduleId: p.ScheduleId, From: p.From, To: p.To, Q: p.Q,
	})
	if err != nil {
		return nil, err
	}
	s, err := a.Sessions.Statistics(ctx, filter, a.Now())
	if err != nil {
		return nil, parameterFault(err)
	}
	return gen.GetSyncStatistics200JSONResponse{
		From: s.From.UTC(), To: s.To.UTC(), TimeZone: s.Zone, Total: toFigures(s.All),
		ByStatus: byWord(s.Statuses), ByResult: byWord(s.Results), ByType: byWord(s.Types), ByCategory: byWord(s.Category),
		ByDay: mapped(s.Days, func(d session.DayFigures) gen.DayFigures {
			return gen.DayFigures{Date: d.Date, Figures: toFigures(d.Figures)}
		}),
	}, nil
}

func byWord[W ~string](all map[W]session.Figures) gen.FiguresByWord {
	out := gen.FiguresByWord{}
	for word, figures := range all {
		out[string(word)] = toFigures(figures)
	}
	return out
}

func toFigures(f session.Figures) gen.Figures {
	return gen.Figures{
		Sessions: f.Sessions, Ended: f.Ended, Succeeded: f.Succeeded, SuccessRate: rounded(f.SuccessRate(), 4), Records: f.Total,
		Completed: f.Counts.Completed, Failed: f.Counts.Failed, Cancelled: f.Counts.Cancelled, Skipped: f.Counts.Skipped,
		Partial: f.Counts.Partial, ReadRate: rounded(f.ReadRate(), 4), RecordsPerSecond: rounded(f.PerSecond(), 2),
		DurationsMs: gen.Durations{P50: milliseconds(f.P50), P95: milliseconds(f.P95), Max: milliseconds(f.Max)}, Items: toItems(f.Items),
	}
}

// rounded keeps so many decimals.
func rounded(v *float64, decimals int) *float64 {
	if v == nil {
		return nil
	}
	shift := math.Pow10(decimals)
	r := math.Round(*v*shift) / shift
	return &r
}
