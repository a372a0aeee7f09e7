package schedule

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/session"
)

// ID is the number of a schedule.
type ID = session.ScheduleID

// Errors that callers act on.
var (
	ErrNotFound = errors.New("schedule not found")
	// ErrNameTaken refuses a second living schedule of one name.
	ErrNameTaken = errors.New("name is already taken")
	// ErrRunning refuses to run a schedule whose session has not ended and whose overlap policy is skip.
	ErrRunning = errors.New("a session of the schedule is still running")
	// ErrWaiting refuses a second fire that would wait for the running session.
	ErrWaiting = errors.New("a fire of the schedule is waiting already")
)

// Overlap says what a fire does while a session of its schedule is open.
// Stored; do not rename.
type Overlap string

// The policies.
const (
	OverlapSkip  Overlap = "skip"  // it is skipped; the default
	OverlapQueue Overlap = "queue" // it waits, at most one at a time
)

// CatchUp says what happens to the newest fire time when it is too late.
// Stored; do not rename.
type CatchUp string

// The policies.
const (
	CatchUpSkip CatchUp = "skip" // it is missed; the default
	CatchUpOnce CatchUp = "once" // it fires late
)

// Schedule starts sessions at its times.
type Schedule struct {
	ID          ID
	Name        string
	Cron        string
	TimeZone    string // IANA name
	Category    session.Category
	Selector    session.Selector
	Overlap     Overlap
	CatchUp     CatchUp
	MaxAttempts int        // of one record; 0 means the setting's value
	PausedAt    *time.Time // nil while it fires
	NextFire    *time.Time // nil while it is paused
	CreatedBy   int64      // user
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Filter narrows a list of schedules; zero fields do not narrow.
type Filter struct {
	Name      string // part of the name, in any case
	ExactName string
}

// Normalise fills the defaults of what was left empty, but for the time zone,
// and returns the checked schedule, or all faults as *invalid.Error.
func (s Schedule) Normalise() (Schedule, error) {
	s.Cron = strings.Join(strings.Fields(s.Cron), " ")
	if s.Overlap == "" {
		s.Overlap = OverlapSkip
	}
	if s.CatchUp == "" {
		s.CatchUp = CatchUpSkip
	}
	return s, s.validate()
}

func (s Schedule) validate() error {
	_, cronErr := ParseCron("cron", s.Cron)
	_, zoneErr := ParseZone("time_zone", s.TimeZone)
	_, categoryErr := session.ParseCategory("category", string(s.Category))
	return errors.Join(
		invalid.Text("name", s.Name, 200),
		cronErr,
		zoneErr,
		categoryErr,
		s.Selector.Validate(),
		s.validPolicies(),
	)
}

func (s Schedule) validPolicies() error {
	var faults []error
	if s.Overlap != OverlapSkip && s.Overlap != OverlapQueue {
		faults = append(faults, invalid.Field("overlap", "must be skip or queue"))
	}
	if s.CatchUp != CatchUpSkip && s.CatchUp != CatchUpOnce {
		faults = append(faults, invalid.Field("catch_up", "must be skip or once"))
	}
	if s.MaxAttempts < 0 || s.MaxAttempts > 10 {
		faults = append(faults, invalid.Field("max_attempts", "must be between 1 and 10"))
	}
	return errors.Join(faults...)
}

// CheckServed returns session.ErrNotServed when no engine that the schedule can
// select serves its category.
func (s Schedule) CheckServed(serves session.Serves) error {
	engines := serves.Engines(s.Category)
	if len(s.Selector.Engines) == 0 && len(engines) > 0 {
		return nil
	}
	selected := func(e fleet.Engine) bool { return slices.Contains(s.Selector.Engines, e) }
	if slices.ContainsFunc(engines, selected) {
		return nil
	}
	return session.ErrNotServed
}

// Request asks for the session of a fire. by is the user who asked for it; nil
// for the schedule itself.
func (s Schedule) Request(by *int64) session.Request {
	return session.Request{
		Category: s.Category, Selector: s.Selector, MaxAttempts: s.MaxAttempts, CreatedBy: by, Schedule: &s.ID,
	}
}
