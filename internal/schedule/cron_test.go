package schedule

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	robfig "github.com/robfig/cron/v3"
	"pgregory.net/rapid"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

func TestCronRefusesWhatIsNotFiveFields(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // expression to a part of the reason
		"":                         "must not be empty",
		"   ":                      "this has 0",
		"* * * *":                  "this has 4",
		"0 * * * * *":              "this has 6",
		"@daily":                   "@daily are not known",
		"@every 1h":                "@daily are not known",
		"TZ=UTC * * * * *":         "time zone",
		"CRON_TZ=Asia/Tokyo 0 1 *": "time zone",
		"60 * * * *":               `minute "60"`,
		"* 24 * * *":               `hour "24"`,
		"* * 0 * *":                `day of month "0"`,
		"* * 32 * *":               `day of month "32"`,
		"* * * 0 *":                `month "0"`,
		"* * * 13 *":               `month "13"`,
		"* * * * 8":                `day of week "8"`,
		"* * * * 0-8":              `day of week "0-8"`,
		"*/0 * * * *":              "step",
		"*/61 * * * *":             "step",
		"*/ * * * *":               "step",
		"*/2/2 * * * *":            "step",
		"5-1 * * * *":              "ends before it begins",
		"* * * * FRI-MON":          "ends before it begins",
		"1- * * * *":               `minute "1-"`,
		"-1 * * * *":               `minute "-1"`,
		"1-2-3 * * * *":            `minute "1-2-3"`,
		"+1 * * * *":               `minute "+1"`,
		"1,,2 * * * *":             `minute "1,,2"`,
		", * * * *":                `minute ","`,
		"*-5 * * * *":              `minute "*-5"`,
		"? * * * *":                `minute "?"`,
		"MON * * * *":              `minute "MON"`,
		"* * * MON *":              `month "MON"`,
		"* * * * MONDAY":           `day of week "MONDAY"`,
		"1\t* * * *":               "control character",
		"0 0 30 2 *":               "never fires",
		"0 0 31 4,6,9,11 *":        "never fires",
		strings.Repeat("1,", 120):  "longer than",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := ParseCron("cron", text)
			var fault *invalid.Error
			if !errors.As(err, &fault) || fault.Field != "cron" || !strings.Contains(fault.Reason, want) {
				t.Errorf("err = %v, want %q", err, want)
			}
		})
	}
}

// weekdays returns the days on which an expression fires, as digits from Sunday.
func weekdays(t *testing.T, field string) string {
	t.Helper()
	c, err := ParseCron("cron", "0 0 * * "+field)
	if err != nil {
		t.Fatal(err)
	}
	days := ""
	for i := range 7 {
		if c.weekday&(1<<i) != 0 {
			days += string(rune('0' + i))
		}
	}
	return days
}

func TestSevenIsSunday(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"0": "0", "7": "0", "0,7": "0", "5-7": "056", "1-7": "0123456", "0-7": "0123456", "7-7": "0", "1-7/2": "0135", "0-7/7": "0",
		"6-7": "06", "7/2": "0", "5/2": "5", "*/7": "0", "*/2": "0246", "*": "0123456", "2,7": "02",
		"SUN": "0", "mon-fri": "12345", "FRI-SUN": "056", "SUN-TUE": "012", "Sat-sun/1": "06", "SUN-SUN": "0", "MON,WED": "13",
	} {
		if got := weekdays(t, field); got != want {
			t.Errorf("%s: days %s, want %s", field, got, want)
		}
	}
	for text, want := range map[string]string{
		"0 0 7 * *":   "2026-01-07 00:00",
		"7 7 7 7 *":   "2026-07-07 07:07",
		"*/7 * * * *": "2026-01-01 00:07",
		"0 */7 * * *": "2026-01-01 07:00",
		"0 0 */7 * *": "2026-01-08 00:00",
		"0 0 1 */7 *": "2026-08-01 00:00",
	} {
		if got := inUTC(t, text, "2026-01-01 00:00", 1); got[0] != want {
			t.Errorf("%s: %s, want %s", text, got[0], want)
		}
	}
}

func TestDaysOfMonthAndWeek(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{ // 2026-06-01 is a Monday
		"0 0 10 * MON":   {"2026-06-08", "2026-06-10", "2026-06-15"}, // either
		"0 0 10 * *":     {"2026-06-10", "2026-07-10", "2026-08-10"},
		"0 0 * * MON":    {"2026-06-08", "2026-06-15", "2026-06-22"},
		"0 0 */2 * MON":  {"2026-06-15", "2026-06-29", "2026-07-13"}, // both: odd days that are Mondays
		"0 0 1-7 * */7":  {"2026-06-07", "2026-07-05", "2026-08-02"}, // both: the first Sunday of the month
		"0 0 1-31 * MON": {"2026-06-02", "2026-06-03", "2026-06-04"},
		"0 0 29 2 */7":   {"2032-02-29", "2060-02-29", "2088-02-29"},
	}
	for text, want := range tests {
		got := inUTC(t, text, "2026-06-01 00:00", len(want))
		for i := range want {
			if got[i] != want[i]+" 00:00" {
				t.Errorf("%s: %v, want %v", text, got, want)
				break
			}
		}
	}
}

func TestMonthEnds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		after string
		want  []string
	}{
		"0 0 31 * *":      {"2026-01-31 00:00", []string{"2026-03-31 00:00", "2026-05-31 00:00", "2026-07-31 00:00", "2026-08-31 00:00"}},
		"0 0 30 * *":      {"2026-01-30 00:00", []string{"2026-03-30 00:00", "2026-04-30 00:00"}},
		"0 12 29 2 *":     {"2026-03-01 00:00", []string{"2028-02-29 12:00", "2032-02-29 12:00", "2036-02-29 12:00"}},
		"59 23 31 12 *":   {"2026-12-31 23:58", []string{"2026-12-31 23:59", "2027-12-31 23:59"}},
		"0 0 1 1 *":       {"2026-12-31 23:59", []string{"2027-01-01 00:00", "2028-01-01 00:00"}},
		"0 0 28-31 FEB *": {"2027-02-27 00:00", []string{"2027-02-28 00:00", "2028-02-28 00:00", "2028-02-29 00:00", "2029-02-28 00:00"}},
		"* * * * *":       {"2026-12-31 23:59", []string{"2027-01-01 00:00", "2027-01-01 00:01"}},
	}
	for text, tt := range tests {
		got := inUTC(t, text, tt.after, len(tt.want))
		if strings.Join(got, ", ") != strings.Join(tt.want, ", ") {
			t.Errorf("%s after %s: %v, want %v", text, tt.after, got, tt.want)
		}
	}
}

// The century that is no leap year has a gap of eight years, and with a weekday
// of forty.
func TestRarestDatesAreFound(t *testing.T) {
	t.Parallel()
	if got := inUTC(t, "0 0 29 2 *", "2096-03-01 00:00", 1); got[0] != "2104-02-29 00:00" {
		t.Errorf("found %v", got)
	}
	for weekday := range 7 {
		c, err := ParseCron("cron", "0 0 29 2 */7")
		if err != nil {
			t.Fatal(err)
		}
		c.weekday = 1 << weekday
		for year := 2001; year < 2400; year += 4 { // just after one
			if c.from(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
				t.Fatalf("no 29 February on weekday %d after %d", weekday, year)
			}
		}
	}
}

// An expression without what robfig/cron reads in another way, or not at all.
func plainCron(t *rapid.T) string {
	element := func(low, high int) string {
		a, b := rapid.IntRange(low, high).Draw(t, "a"), rapid.IntRange(low, high).Draw(t, "b")
		if a > b {
			a, b = b, a
		}
		number := strconv.Itoa
		return rapid.SampledFrom([]string{
			"*", number(a), number(a) + "-" + number(b), number(a) + "-" + number(b) + "/2", number(a) + "/3", number(a) + "," + number(b),
		}).Draw(t, "element")
	}
	return strings.Join([]string{element(0, 59), element(0, 23), element(1, 28), element(1, 12), element(0, 6)}, " ")
}

func TestCronAgreesWithRobfig(t *testing.T) {
	t.Parallel()
	parser := robfig.NewParser(robfig.Minute | robfig.Hour | robfig.Dom | robfig.Month | robfig.Dow)
	rapid.Check(t, func(t *rapid.T) {
		text := plainCron(t)
		mine, err := ParseTimetable(text, "UTC")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		theirs, err := parser.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		at := time.Unix(rapid.Int64Range(1_700_000_000, 2_000_000_000).Draw(t, "after"), 0).UTC()
		for range 5 {
			got, want := mine.Next(at), theirs.Next(at)
			if !got.Equal(want) {
				t.Fatalf("%s after %s: %s, want %s", text, at, got, want)
			}
			at = got
		}
	})
}

// inUTC returns the fire times after one, in UTC.
func inUTC(t *testing.T, cron, after string, count int) []string {
	t.Helper()
	return inZone(t, "UTC", cron, after, count)
}
