package oldapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/session"
)

type oldStatistics struct {
	Total      int           `json:"total_sessions"`
	Running    int           `json:"running_sessions"`
	Completed  int           `json:"completed_sessions"`
	Failed     int           `json:"failed_sessions"`
	Cancelled  int           `json:"cancelled_sessions"`
	Scheduled  int           `json:"scheduled_sessions"`
	Manual     int           `json:"manual_sessions"`
	ByCategory oldCategories `json:"by_category"`
}

type oldCategories struct {
	Account     int `json:"account"`
	Capacity    int `json:"capacity"`
	Config      int `json:"config"`
	Aggregation int `json:"aggregation"`
	Other       int `json:"other"`
}

// statistics answers with the numbers of all sessions there are.
func (a *API) statistics(c echo.Context) error {
	tallies, err := a.Sessions.TallySessions(c.Request().Context())
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, answer{true, sum(tallies)})
}

func sum(tallies []session.Tally) oldStatistics {
	var total, scheduled int
	statuses, categories := map[string]int{}, map[session.Category]int{}
	for _, t := range tallies {
		total += t.Sessions
		statuses[sessionWord(t.Status)] += t.Sessions
		categories[t.Category] += t.Sessions
		if t.Type == session.Scheduled {
			scheduled += t.Sessions
		}
	}
	return oldStatistics{
		Total: total, Scheduled: scheduled, Manual: total - scheduled,
		Running: statuses[string(session.Running)], Completed: statuses[string(session.Completed)],
		Failed: statuses[string(session.Failed)], Cancelled: statuses[string(session.Cancelled)],
		ByCategory: oldCategories{
			Account: categories[session.Account], Capacity: categories[session.Capacity], Config: categories[session.Config],
			Aggregation: categories[session.Aggregation], Other: categories[session.Other],
		},
	}
}
