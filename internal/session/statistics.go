package session

import (
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

const (
	day = 24 * time.Hour
	// StatisticsDays is how far statistics look back when nobody says.
	StatisticsDays = 30
	maxStatistics  = 3660 * day // a row for each day
)

// Span fills in the times that a statistic's filter leaves open: up to now, and
// StatisticsDays before its end. A fault is an *invalid.Error.
func (f Filter) Span(now time.Time) (Filter, error) {
	if f.To == nil {
		f.To = &now
	}
	if f.From == nil {
		from := f.To.Add(-StatisticsDays * day)
		f.From = &from
	}
	if err := f.Validate(); err != nil {
		return f, err
	}
	if f.To.Sub(*f.From) > maxStatistics {
		return f, invalid.Field("from", "must be within ten years of to")
	}
	return f, nil
}

// Figures sum up sessions. Records are counted as frozen at a session's end:
// those of one that runs only in Total.
type Figures struct {
	Sessions  int // all
	Ended     int
	Succeeded int // of the ended
	Total     int // records
	Counts    Counts
	Items     Items
	Busy      time.Duration // of the ended sessions together
	P50       *time.Duration
	P95       *time.Duration
	Max       *time.Duration // of the ended sessions; nil when there is none
}

// SuccessRate is the share of the ended sessions that succeeded; nil when none
// has ended.
func (f Figures) SuccessRate() *float64 { return share(f.Succeeded, f.Ended) }

// ReadRate is the share of the records that were read among those that were
// tried; nil when none was.
func (f Figures) ReadRate() *float64 {
	return share(f.Counts.Completed, f.Counts.Completed+f.Counts.Failed)
}

// PerSecond is how many records ended in a second of an ended session; nil when
// none has ended.
func (f Figures) PerSecond() *float64 {
	if f.Busy <= 0 {
		return nil
	}
	rate := float64(f.Counts.Done()) / f.Busy.Seconds()
	return &rate
}

func share(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	s := float64(part) / float64(whole)
	return &s
}

// Statistics are the figures of the sessions that started within a span.
type Statistics struct {
	From, To time.Time
	Zone     string // IANA name of the zone in which days begin
	All      Figures
	Statuses map[Status]Figures
	Results  map[Result]Figures // of the ended
	Types    map[Type]Figures
	Category map[Category]Figures
	Days     []DayFigures // every day of the span, the first one first
}

// DayFigures are those of the sessions that started on one day.
type DayFigures struct {
	Date string // 2006-01-02, in the zone
	Figures
}

// Days lists the dates of every day of which a part lies in [from, to), in zone.
func Days(from, to time.Time, zone *time.Location) []string {
	var days []string
	last := noon(to.Add(-time.Nanosecond).In(zone))
	for day := noon(from.In(zone)); !day.After(last); day = day.AddDate(0, 0, 1) {
		days = append(days, day.Format(time.DateOnly))
	}
	return days
}

// noon stands for the date of t: it exists in every zone, midnight does not.
func noon(t time.Time) time.Time {
	year, month, date := t.Date()
	return time.Date(year, month, date, 12, 0, 0, 0, time.UTC)
}
