package schedule

import (
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// Timetable is a cron expression on the clock of a zone. Both are required.
type Timetable struct {
	Cron Cron
	Zone *time.Location
}

// ParseTimetable reads an expression and the IANA name of a zone. Faults are
// *invalid.Error for the fields cron and time_zone.
func ParseTimetable(cron, zone string) (Timetable, error) {
	c, err := ParseCron("cron", cron)
	if err != nil {
		return Timetable{}, err
	}
	z, err := ParseZone("time_zone", zone)
	return Timetable{Cron: c, Zone: z}, err
}

const maxZone = 100 // characters

// ParseZone returns the zone of an IANA name, or an *invalid.Error for the given
// field. Names that mean another zone on another machine are refused.
func ParseZone(field, name string) (*time.Location, error) {
	if err := invalid.Text(field, name, maxZone); err != nil {
		return nil, err
	}
	ownName := strings.HasPrefix(name, "posix/") || strings.HasPrefix(name, "right/")
	switch name {
	case "Local", "localtime", "posixrules":
		ownName = true
	}
	if ownName {
		return nil, invalid.Field(field, "%q is not the IANA name of a time zone, as in Asia/Shanghai", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, invalid.Field(field, "unknown time zone %q: use an IANA name, as in Asia/Shanghai", name)
	}
	return zone, nil
}

// Next returns the first fire time after the given one, in UTC. It is zero only
// for a Timetable that was not made by ParseTimetable.
func (t Timetable) Next(after time.Time) time.Time {
	if t.Cron.everyHour() {
		return t.nextShown(after)
	}
	return t.nextReached(after)
}

// Upcoming returns the next fire times after the given one.
func (t Timetable) Upcoming(after time.Time, count int) []time.Time {
	var list []time.Time
	for len(list) < count {
		if after = t.Next(after); after.IsZero() {
			return list
		}
		list = append(list, after)
	}
	return list
}

// nextShown returns the first instant after the given one at which the clock
// shows a time of the expression. It goes from one offset of the zone to the
// next.
func (t Timetable) nextShown(after time.Time) time.Time {
	at := after.Add(1)
	for {
		offset, end := t.period(at)
		wall := t.Cron.from(at.UTC().Add(offset))
		if wall.IsZero() {
			return wall
		}
		if found := wall.Add(-offset); end.IsZero() || found.Before(end) {
			return found
		}
		at = end
	}
}

// nextReached returns the first instant after the given one at which the clock
// reaches, or passes over, a time of the expression that it has not reached
// before.
func (t Timetable) nextReached(after time.Time) time.Time {
	offset, _ := t.period(after)
	wall := after.UTC().Add(offset)
	for {
		if wall = t.Cron.from(wall.Add(1)); wall.IsZero() {
			return wall
		}
		if found := t.reached(wall); found.After(after) {
			return found
		}
	}
}

// farthest is more than any clock is away from UTC, and than any that was
// turned back ever was turned back.
const farthest = 48 * time.Hour

// reached returns the first instant at which the clock shows wall or a later
// time.
func (t Timetable) reached(wall time.Time) time.Time {
	at := wall.Add(-farthest)
	for {
		offset, end := t.period(at)
		found := wall.Add(-offset)
		if found.Before(at) {
			return at // the offset before ended too early and this one begins too late
		}
		if end.IsZero() || found.Before(end) {
			return found
		}
		at = end
	}
}

// period returns the zone's offset at an instant and when that ends; zero for
// never.
func (t Timetable) period(at time.Time) (offset time.Duration, end time.Time) {
	local := at.In(t.Zone)
	_, seconds := local.Zone()
	if _, end = local.ZoneBounds(); !end.IsZero() {
		end = end.UTC()
	}
	return time.Duration(seconds) * time.Second, end
}
