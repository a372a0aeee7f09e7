package schedule

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that the test knows every zone on every machine

	"pgregory.net/rapid"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

func timetable(t testing.TB, cron, zone string) Timetable {
	t.Helper()
	table, err := ParseTimetable(cron, zone)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// inZone returns fire times as the zone's clock shows them; with an offset
// where two offsets would be told apart, and never in UTC.
func inZone(t *testing.T, zone, cron, after string, count int) []string {
	t.Helper()
	table := timetable(t, cron, zone)
	layout := "2006-01-02 15:04Z07:00"
	if zone == "UTC" {
		layout = "2006-01-02 15:04"
	}
	from, err := time.ParseInLocation("2006-01-02 15:04", after, table.Zone)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, at := range table.Upcoming(from, count) {
		if at.Location() != time.UTC {
			t.Errorf("%s is not in UTC", at)
		}
		got = append(got, at.In(table.Zone).Format(layout))
	}
	return got
}

func TestDaylightSaving(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		zone, cron, after string
		want              []string
	}{
		"gap moves to its end": {"Europe/Berlin", "30 2 * * *", "2026-03-28 12:00", []string{"2026-03-29 03:00+02:00", "2026-03-30 02:30+02:00"}},
		"gap and its end are one": {
			"Europe/Berlin", "0,30 2,3 * * *", "2026-03-29 01:00",
			[]string{"2026-03-29 03:00+02:00", "2026-03-29 03:30+02:00", "2026-03-30 02:00+02:00"},
		},
		"steps of hours are fixed hours": {"Europe/Berlin", "0 */2 * * *", "2026-03-29 00:00", []string{"2026-03-29 03:00+02:00", "2026-03-29 04:00+02:00"}},
		"repeated hour fires once":       {"Europe/Berlin", "30 2 * * *", "2026-10-24 12:00", []string{"2026-10-25 02:30+02:00", "2026-10-26 02:30+01:00"}},
		"every minute of a fixed hour once": {
			"Europe/Berlin", "*/30 2 * * *", "2026-10-25 01:00",
			[]string{"2026-10-25 02:00+02:00", "2026-10-25 02:30+02:00", "2026-10-26 02:00+01:00"},
		},
		"every hour goes by elapsed time in autumn": {
			"Europe/Berlin", "30 * * * *", "2026-10-25 01:00",
			[]string{"2026-10-25 01:30+02:00", "2026-10-25 02:30+02:00", "2026-10-25 02:30+01:00", "2026-10-25 03:30+01:00"},
		},
		"every hour goes by elapsed time in spring": {
			"Europe/Berlin", "30 0-23 * * *", "2026-03-29 00:45",
			[]string{"2026-03-29 01:30+01:00", "2026-03-29 03:30+02:00"},
		},
		"New York spring": {"America/New_York", "15 2 * * SUN", "2026-03-07 12:00", []string{"2026-03-08 03:00-04:00", "2026-03-15 02:15-04:00"}},
		"New York autumn": {"America/New_York", "15 1 * * *", "2026-10-31 12:00", []string{"2026-11-01 01:15-04:00", "2026-11-02 01:15-05:00"}},
		"half an hour, spring": {
			"Australia/Lord_Howe", "15,45 2 * * *", "2026-10-03 12:00",
			[]string{"2026-10-04 02:30+11:00", "2026-10-04 02:45+11:00", "2026-10-05 02:15+11:00"},
		},
		"half an hour, autumn": {"Australia/Lord_Howe", "45 1 * * *", "2026-04-04 12:00", []string{"2026-04-05 01:45+11:00", "2026-04-06 01:45+10:30"}},
		"half an hour, elapsed": {
			"Australia/Lord_Howe", "*/15 * * * *", "2026-04-05 01:20",
			[]string{"2026-04-05 01:30+11:00", "2026-04-05 01:45+11:00", "2026-04-05 01:30+10:30", "2026-04-05 01:45+10:30", "2026-04-05 02:00+10:30"},
		},
		"midnight is skipped":              {"America/Santiago", "0 0 * * *", "2026-09-05 12:00", []string{"2026-09-06 01:00-03:00", "2026-09-07 00:00-03:00"}},
		"midnight is skipped on a weekday": {"Asia/Beirut", "0 0 * * SUN", "2026-03-28 12:00", []string{"2026-03-29 01:00+03:00", "2026-04-05 00:00+03:00"}},
		"midnight is reached twice":        {"America/Santiago", "30 23 * * *", "2026-04-04 12:00", []string{"2026-04-04 23:30-03:00", "2026-04-05 23:30-04:00"}},
		"no daylight saving":               {"Asia/Shanghai", "0 2 * * *", "2026-03-28 12:00", []string{"2026-03-29 02:00+08:00", "2026-03-30 02:00+08:00"}},
		"a quarter of an hour off":         {"Asia/Kathmandu", "0 * * * *", "2026-03-28 12:00", []string{"2026-03-28 13:00+05:45", "2026-03-28 14:00+05:45"}},
		"a day that does not exist":        {"Pacific/Apia", "0 9 * * *", "2011-12-29 08:00", []string{"2011-12-29 09:00-10:00", "2011-12-31 00:00+14:00", "2011-12-31 09:00+14:00"}},
		"month end with a changed offset":  {"Europe/Berlin", "0 0 31 * *", "2026-03-30 12:00", []string{"2026-03-31 00:00+02:00", "2026-05-31 00:00+02:00"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := inZone(t, tt.zone, tt.cron, tt.after, len(tt.want))
			if !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// Asked in the second pass of a repeated hour, the times of the first are over.
func TestSecondPassOfTheRepeatedHourDoesNotFireAgain(t *testing.T) {
	t.Parallel()
	table := timetable(t, "30 2 * * *", "Europe/Berlin")
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	second := first.Add(time.Hour)
	for _, after := range []time.Time{first, first.Add(time.Minute), second.Add(-time.Minute), second, second.Add(time.Minute)} {
		if got := table.Next(after); got.Before(second.Add(time.Hour)) {
			t.Errorf("after %s: %s", after, got)
		}
	}
}

func TestZonesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Local", "localtime", "posixrules", "posix/Europe/Berlin", "right/UTC", "Mars/Phobos", "../etc/passwd", "CET\n"} {
		_, err := ParseZone("time_zone", name)
		var fault *invalid.Error
		if !errors.As(err, &fault) || fault.Field != "time_zone" {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// reference finds fire times by looking at the clock minute after minute: what
// doc.go says, and nothing else.
func reference(table Timetable, from time.Time, minutes int) []time.Time {
	var fires []time.Time
	wallOf := func(at time.Time) time.Time {
		_, offset := at.In(table.Zone).Zone()
		return at.UTC().Add(time.Duration(offset) * time.Second)
	}
	matches := func(wall time.Time) bool {
		c := table.Cron
		return c.month&(1<<wall.Month()) != 0 && c.onDay(wall) && c.hour&(1<<wall.Hour()) != 0 && c.minute&(1<<wall.Minute()) != 0
	}
	reached := wallOf(from) // the latest time that the clock has shown
	for back := range 3 * 60 {
		if wall := wallOf(from.Add(-time.Duration(back) * time.Minute)); wall.After(reached) {
			reached = wall
		}
	}
	for i := 1; i <= minutes; i++ {
		at := from.Add(time.Duration(i) * time.Minute)
		wall := wallOf(at)
		fire := table.Cron.everyHour() && matches(wall)
		for ; reached.Before(wall); reached = reached.Add(time.Minute) {
			fire = fire || !table.Cron.everyHour() && matches(reached.Add(time.Minute))
		}
		if fire {
			fires = append(fires, at)
		}
	}
	return fires
}

func TestTimetableAgreesWithTheReference(t *testing.T) {
	t.Parallel()
	changes := map[string][]string{ // days around which the offset changes
		"Europe/Berlin":       {"2026-03-29", "2026-10-25"},
		"America/New_York":    {"2026-03-08", "2026-11-01"},
		"Australia/Lord_Howe": {"2026-04-05", "2026-10-04"},
		"America/Santiago":    {"2026-04-05", "2026-09-06"},
		"Asia/Beirut":         {"2026-03-29", "2026-10-25"},
		"Asia/Shanghai":       {"2026-01-31"},
		"UTC":                 {"2027-01-01", "2028-02-29"},
	}
	zones := make([]string, 0, len(changes))
	for zone := range changes {
		zones = append(zones, zone)
	}
	slices.Sort(zones)
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		minute := rapid.SampledFrom([]string{"*", "0", "30", "*/15", "5,55", "*/7"}).Draw(t, "minute")
		hour := rapid.SampledFrom([]string{"*", "0-23", "0", "1", "2", "3", "23", "*/2", "1-3", "0,2"}).Draw(t, "hour")
		days := rapid.SampledFrom([]string{"* * *", "* * SUN", "29 * *", "1,5,8,25 * SUN", "*/2 * 7", "31 * *"}).Draw(t, "days")
		table, err := ParseTimetable(strings.Join([]string{minute, hour, days}, " "), zone)
		if err != nil {
			t.Fatal(err)
		}
		day, err := time.Parse(time.DateOnly, rapid.SampledFrom(changes[zone]).Draw(t, "day"))
		if err != nil {
			t.Fatal(err)
		}
		from := day.Add(time.Duration(rapid.IntRange(-24*60, 24*60).Draw(t, "start")) * time.Minute)
		const minutes = 3 * 24 * 60
		want := reference(table, from, minutes)
		at := from
		for i, next := range want {
			if at = table.Next(at); !at.Equal(next) {
				t.Fatalf("fire %d is %s, want %s", i, at, next)
			}
		}
		if at = table.Next(at); !at.After(from.Add(minutes * time.Minute)) {
			t.Fatalf("one more fire at %s", at)
		}
	})
}

func TestFiresStrictlyIncrease(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Berlin", "Australia/Lord_Howe", "America/Santiago"} {
		for _, cron := range []string{"*/10 * * * *", "*/10 0-3 * * *", "0 2 * * *"} {
			table := timetable(t, cron, zone)
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for at.Year() < 2027 {
				next := table.Next(at)
				if !next.After(at) {
					t.Fatalf("%s %s: %s after %s", zone, cron, next, at)
				}
				at = next
			}
		}
	}
}
