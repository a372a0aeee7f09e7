package schedule

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// Cron is a parsed expression of five fields. The zero value matches nothing;
// make one with ParseCron.
type Cron struct {
	minute, hour, day, month, weekday uint64 // bit n: the value n matches
	bothDays                          bool   // a day must match day and weekday, not one of them
}

const maxCron = 200 // characters

// A cronField is what one field may hold.
type cronField struct {
	name  string
	min   int
	max   int      // of what * and N/STEP stand for
	names []string // of min, min + 1 …
}

const sunday = 7 // beside 0

var cronFields = [...]cronField{
	{name: "minute", min: 0, max: 59},
	{name: "hour", min: 0, max: 23},
	{name: "day of month", min: 1, max: 31},
	{name: "month", min: 1, max: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "day of week", min: 0, max: 6, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// ParseCron reads an expression. Its fault is an *invalid.Error for the given
// field; one that never fires, such as 30 February, is a fault.
func ParseCron(field, text string) (Cron, error) {
	parts, err := cronParts(field, text)
	if err != nil {
		return Cron{}, err
	}
	var sets [len(cronFields)]uint64
	for i, f := range cronFields {
		set, reason := f.parse(parts[i])
		if reason != "" {
			return Cron{}, invalid.Field(field, "%s %q: %s", f.name, parts[i], reason)
		}
		sets[i] = set
	}
	c := Cron{
		minute: sets[0], hour: sets[1], day: sets[2], month: sets[3], weekday: sets[4],
		bothDays: strings.Contains(parts[2]+parts[4], "*"),
	}
	if c.from(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Cron{}, invalid.Field(field, "never fires: no such day exists")
	}
	return c, nil
}

func cronParts(field, text string) ([]string, error) {
	if err := invalid.Text(field, text, maxCron); err != nil {
		return nil, err
	}
	parts := strings.Fields(text)
	switch {
	case len(parts) > 0 && strings.HasPrefix(parts[0], "@"):
		return nil, invalid.Field(field, "words such as @daily are not known: give minute, hour, day of month, month, day of week")
	case strings.Contains(text, "TZ="):
		return nil, invalid.Field(field, "must not hold a time zone: that is a field of its own")
	case len(parts) != len(cronFields):
		return nil, invalid.Field(field, "must have five fields: minute, hour, day of month, month, day of week; this has %d", len(parts))
	}
	return parts, nil
}

// parse returns the values of a field, or what is wrong with it.
func (f cronField) parse(text string) (set uint64, reason string) {
	for element := range strings.SplitSeq(text, ",") {
		some, reason := f.element(element)
		if reason != "" {
			return 0, reason
		}
		set |= some
	}
	if f.weekdays() && set&(1<<sunday) != 0 {
		set = set&^(1<<sunday) | 1
	}
	return set, ""
}

func (f cronField) element(text string) (set uint64, reason string) {
	span, stepText, stepped := strings.Cut(text, "/")
	low, high, reason := f.span(span, stepped)
	if reason != "" {
		return 0, reason
	}
	step := 1
	if stepped {
		var ok bool
		if step, ok = digits(stepText); !ok || step < 1 || step > f.max-f.min+1 {
			return 0, "the step must be between 1 and " + strconv.Itoa(f.max-f.min+1)
		}
	}
	for v := low; v <= high; v += step {
		set |= 1 << v
	}
	return set, ""
}

// span reads *, N or N-N; stepped says that a step follows.
func (f cronField) span(text string, stepped bool) (low, high int, reason string) {
	if text == "*" {
		return f.min, f.max, ""
	}
	first, last, isRange := strings.Cut(text, "-")
	low, ok := f.value(first)
	if !ok {
		return 0, 0, f.wanted()
	}
	switch {
	case isRange:
		if high, ok = f.value(last); !ok {
			return 0, 0, f.wanted()
		}
		if f.weekdays() && high == 0 && strings.EqualFold(last, f.names[0]) && low > 0 {
			high = sunday
		}
	case stepped:
		high = max(low, f.max)
	default:
		high = low
	}
	if low > high {
		return 0, 0, "the range ends before it begins"
	}
	return low, high, ""
}

func (f cronField) weekdays() bool { return f.name == "day of week" }

func (f cronField) limit() int {
	if f.weekdays() {
		return sunday
	}
	return f.max
}

func (f cronField) wanted() string {
	wanted := "must be *, numbers from " + strconv.Itoa(f.min) + " to " + strconv.Itoa(f.limit())
	if f.names != nil {
		wanted += " or names such as " + strings.ToUpper(f.names[1])
	}
	return wanted + "; lists as in 1,3, ranges as in 1-5, steps as in */2"
}

// value reads a number or name within the bounds of the field.
func (f cronField) value(text string) (int, bool) {
	if i := slices.Index(f.names, strings.ToLower(text)); i >= 0 {
		return f.min + i, true
	}
	n, ok := digits(text)
	return n, ok && n >= f.min && n <= f.limit()
}

// digits reads one or two digits and nothing else.
func digits(text string) (int, bool) {
	if len(text) == 0 || len(text) > 2 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// everyHour reports whether the hour field lets every hour through.
func (c Cron) everyHour() bool { return c.hour == 1<<24-1 }

// horizon is how many years to look ahead. The rarest date is a 29 February on
// one weekday, which around 2100 takes 40 years.
const horizon = 41

// from returns the first matching minute at or after wall, which like the
// result is a reading of a clock, written as a time in UTC; the zero time when
// there is none.
func (c Cron) from(wall time.Time) time.Time {
	wall = roundUp(wall)
	day := time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, time.UTC)
	begin := wall.Hour()*60 + wall.Minute()
	for end := day.AddDate(horizon, 0, 0); day.Before(end); begin = 0 {
		if c.month&(1<<day.Month()) == 0 {
			day = time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		}
		if c.onDay(day) {
			if minute, ok := c.minuteFrom(begin); ok {
				return day.Add(time.Duration(minute) * time.Minute)
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}
}

func roundUp(t time.Time) time.Time {
	if down := t.Truncate(time.Minute); !down.Equal(t) {
		return down.Add(time.Minute)
	}
	return t
}

// onDay looks at the day fields alone.
func (c Cron) onDay(day time.Time) bool {
	inMonth, inWeek := c.day&(1<<day.Day()) != 0, c.weekday&(1<<day.Weekday()) != 0
	if c.bothDays {
		return inMonth && inWeek
	}
	return inMonth || inWeek
}

// minuteFrom returns the first minute of the day that matches, not before begin.
func (c Cron) minuteFrom(begin int) (int, bool) {
	for minute := begin; minute < 24*60; minute++ {
		if c.hour&(1<<(minute/60)) == 0 {
			minute += 59 - minute%60
			continue
		}
		if c.minute&(1<<(minute%60)) != 0 {
			return minute, true
		}
	}
	return 0, false
}
