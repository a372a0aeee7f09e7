package session

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

// Filter narrows a list of sessions; the zero value does not narrow.
type Filter struct {
	Type     *Type
	Category *Category
	Status   *Status
	Result   *Result
	Creator  *Creator
	Instance *fleet.InstanceID // sessions with a record of it
	Schedule *ScheduleID       // sessions that this schedule started
	From     *time.Time        // started then or later
	To       *time.Time        // started before
	Query    string            // digits that the id begins with, part of the reason, or the whole name of a living instance
}

// Validate reports the faults of the filter as *invalid.Error.
func (f Filter) Validate() error {
	if f.From != nil && f.To != nil && !f.From.Before(*f.To) {
		return invalid.Field("to", "must be after from")
	}
	return nil
}

// IDs returns the first and the last id that begin with the filter's query, or
// false when no id does.
func (f Filter) IDs() (first, last ID, ok bool) {
	digits := strings.ToLower(strings.ReplaceAll(f.Query, "-", ""))
	if digits == "" || len(digits) > 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		return first, last, false
	}
	first = uuid.MustParse(digits + strings.Repeat("0", 32-len(digits)))
	last = uuid.MustParse(digits + strings.Repeat("f", 32-len(digits)))
	return first, last, true
}

// Creator is who started a session: a user, the system as user 0, or a schedule.
type Creator struct {
	User     int64
	Schedule bool
}

// ParseCreator reads "schedule", "system" or the number of a user. Any other
// text is an *invalid.Error for the given field.
func ParseCreator(field, s string) (Creator, error) {
	switch s {
	case "schedule":
		return Creator{Schedule: true}, nil
	case "system":
		return Creator{}, nil
	}
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 0 {
		return Creator{}, invalid.Field(field, "must be the number of a user, system or schedule")
	}
	return Creator{User: id}, nil
}

// SortKey is what a list is sorted by. Sent by clients; do not rename.
type SortKey string

// The keys of sessions.
const (
	ByStart    SortKey = "started_at"
	ByDuration SortKey = "duration" // sessions that run come last; of records those without an attempt
	ByTotal    SortKey = "total"
	ByFailed   SortKey = "failed" // as frozen at the end; 0 while a session runs
)

// The keys of records; they are sorted ByDuration, too.
const (
	ByID   SortKey = "id"
	ByName SortKey = "instance_name"
)

// Order is how a list is sorted. Rows of one value are in the order of their
// numbers. The zero value is the order of a list of which nothing was said:
// sessions newest first, records by their numbers.
type Order struct {
	By         SortKey
	Descending bool
}

// Place is a row of a sorted list: its number and the value that it is sorted
// by, as a number or a text. The zero value is before the first row.
type Place struct {
	ID     int64  `json:"i"`
	Number *int64 `json:"n,omitempty"` // nil: the row has no such value
	Text   string `json:"t,omitempty"`
}

// Page is a part of a list: at most Limit rows beyond After.
type Page struct {
	Order

	Limit int // positive
	After Place
}

// RecordFilter narrows a list of records; the zero value does not narrow.
type RecordFilter struct {
	Status      []RecordStatus // any of them
	Code        Code           // of the last failure
	Fingerprint Fingerprint    // of the last failure
	Query       string         // part of the instance's name, in any case
}

// Statuses lists the states that the filter lets through.
func (f RecordFilter) Statuses() []RecordStatus {
	if len(f.Status) > 0 {
		return f.Status
	}
	return RecordStatuses()
}
