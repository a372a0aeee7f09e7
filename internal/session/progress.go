package session

import "time"

// RateWindow is how far the rate of a running session looks back.
const RateWindow = time.Minute

// Progress is how fast a session is and how long it will take.
type Progress struct {
	Rate *float64       // records ended per second within RateWindow; nil when nothing is known
	Left *time.Duration // until the last record ends; nil when it cannot be told
}

// Rate returns how many records ended per second where ended is their number
// within RateWindow and age the session's; nil for a session that is just born.
func Rate(ended int, age time.Duration) *float64 {
	if age < time.Second {
		return nil
	}
	rate := float64(ended) / min(age, RateWindow).Seconds()
	return &rate
}

// Forecast is what the history of a session's open records says about those in
// one state.
type Forecast struct {
	Open   int           // records in the state
	Looked int           // of them whose instance's history was looked at
	Known  int           // of these, the ones that have one
	Mean   time.Duration // left to do for one of the known, by its own history
}

// minKnown is how many of a hundred instances must have a history, for the
// others to be taken for like them.
const minKnown = 80

// Left returns how long the open records will take when so many run at once as
// do now: nil when nothing runs, and when too few instances have a history.
func Left(forecasts []Forecast, running int) *time.Duration {
	var looked, known int
	var work time.Duration
	for _, f := range forecasts {
		looked += f.Looked
		known += f.Known
		if f.Open > 0 && f.Known == 0 {
			return nil
		}
		work += time.Duration(f.Open) * f.Mean
	}
	if running == 0 || looked == 0 || known*100 < looked*minKnown {
		return nil
	}
	left := work / time.Duration(running)
	return &left
}
