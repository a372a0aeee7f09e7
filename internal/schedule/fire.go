package schedule

import (
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// FireID is the number of a fire.
type FireID int64

// Trigger says what made a fire. Stored; do not rename.
type Trigger string

// The triggers.
const (
	ByCron Trigger = "cron"
	ByHand Trigger = "manual" // a user has run the schedule
)

// Outcome says what became of a fire. Stored; do not rename.
type Outcome string

// The outcomes.
const (
	Started Outcome = "started" // it has a session
	Queued  Outcome = "queued"  // it waits for the end of the session before it
	Skipped Outcome = "skipped" // by the overlap policy, or waiting when its schedule was paused or removed
	Missed  Outcome = "missed"  // nobody fired it in time
	Failed  Outcome = "failed"  // the session could not be made, and never will be
)

// Outcomes lists every outcome.
func Outcomes() []Outcome { return []Outcome{Started, Queued, Skipped, Missed, Failed} }

// Fire is one line of a schedule's history.
type Fire struct {
	ID          FireID
	Schedule    ID
	Time        time.Time // that was due; for one by hand, when it was asked for
	Trigger     Trigger
	Outcome     Outcome
	Late        bool        // over Grace, and fired nevertheless
	Reason      string      // why it did not start; empty when it did
	Session     *session.ID // of a started one
	CreatedBy   *int64      // user; nil for cron
	MissedFrom  *time.Time  // the line sums up all from this time to Time; nil when it is about one
	MissedCount int         // of a missed one; over 1 when it sums up
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Count is how many fire times the line is about.
func (f Fire) Count() int { return max(1, f.MissedCount) }

// Firing is what one pass over one schedule has done.
type Firing struct {
	Schedule ID // 0: there was nothing to do
	Name     string
	Fires    []Fire // that were written or changed
	Paused   bool   // the schedule could not be understood and was paused
	Fault    error  // why a fire failed, for the log; nil mostly
}

// Decide returns what a fire does, by whether a session of its schedule is open
// and whether a fire waits for it.
func (o Overlap) Decide(open, waiting bool) Outcome {
	switch {
	case !open && !waiting:
		return Started
	case o == OverlapQueue && !waiting:
		return Queued
	}
	return Skipped
}
