package session

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestFilterFindsIDsByTheirFirstDigits(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("6f2c1f0e-0a7c-4c53-9b0d-0d6f8e2f4a11")
	for query, want := range map[string]bool{
		"6": true, "6f2c": true, "6F2C1F0E-0a7c": true, id.String(): true, "6f2c1f0e0a": true,
		"7": false, "6f2d": false,
	} {
		first, last, ok := Filter{Query: query}.IDs()
		found := ok && strings.Compare(first.String(), id.String()) <= 0 && strings.Compare(id.String(), last.String()) <= 0
		if found != want {
			t.Errorf("%s: %v, from %s to %s", query, found, first, last)
		}
	}
	for _, none := range []string{"", "-", "orders", "6f2c x", strings.Repeat("0", 33)} {
		if _, _, ok := (Filter{Query: none}).IDs(); ok {
			t.Errorf("%q was taken for an id", none)
		}
	}
}

func TestParseCreator(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Creator{"schedule": {Schedule: true}, "system": {}, "0": {}, "7": {User: 7}} {
		if got, err := ParseCreator("created_by", in); got != want || err != nil {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "alice", "-1", "1.5", "99999999999999999999"} {
		if _, err := ParseCreator("created_by", bad); !slices.Equal(fields(err), []string{"created_by"}) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSpanIsTheLastThirtyDaysUnlessSaid(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	f, err := Filter{}.Span(now)
	if err != nil || !f.To.Equal(now) || f.To.Sub(*f.From) != 30*day {
		t.Errorf("%v to %v, %v", f.From, f.To, err)
	}
	long, later := now.Add(-20*365*day), now.Add(time.Second)
	if _, err := (Filter{From: &long}).Span(now); !slices.Equal(fields(err), []string{"from"}) {
		t.Errorf("twenty years: %v", err)
	}
	if _, err := (Filter{From: &later}).Span(now); !slices.Equal(fields(err), []string{"to"}) {
		t.Errorf("a span that ends before it begins: %v", err)
	}
}

func TestDaysAreThoseOfTheZone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		zone, from, to string
		want           []string
	}{
		"a day of 23 hours":              {"Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", []string{"2026-03-29"}},
		"a day of 25 hours":              {"Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", []string{"2026-10-25"}},
		"midnight does not exist":        {"America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-05T12:00:00Z", []string{"2018-11-03", "2018-11-04", "2018-11-05"}},
		"an hour over midnight":          {"Asia/Shanghai", "2026-11-20T15:30:00Z", "2026-11-20T16:30:00Z", []string{"2026-11-20", "2026-11-21"}},
		"a date that was skipped":        {"Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-30T11:00:00Z", []string{"2011-12-29", "2011-12-30", "2011-12-31"}},
		"the last days with four digits": {"UTC", "9999-12-30T00:00:00Z", "9999-12-31T12:00:00Z", []string{"9999-12-30", "9999-12-31"}},
		"a day with five digits":         {"Asia/Shanghai", "9999-12-31T12:00:00Z", "9999-12-31T20:00:00Z", []string{"9999-12-31", "10000-01-01"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(test.zone)
			if err != nil {
				t.Fatal(err)
			}
			from, _ := time.Parse(time.RFC3339, test.from)
			to, _ := time.Parse(time.RFC3339, test.to)
			if got := Days(from, to, zone); !slices.Equal(got, test.want) {
				t.Errorf("days %v, want %v", got, test.want)
			}
		})
	}
}

func TestRetryValidate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		retry Retry
		takes []RecordStatus
		want  []string // fields at fault
	}{
		"nothing said":         {Retry{}, []RecordStatus{RecordFailed}, nil},
		"scope":                {Retry{Scope: RetryCancelled}, []RecordStatus{RecordCancelled}, nil},
		"states":               {Retry{Status: []RecordStatus{RecordFailed, RecordSkipped}}, []RecordStatus{RecordFailed, RecordSkipped}, nil},
		"fingerprint":          {Retry{Fingerprint: "0123456789abcdef"}, []RecordStatus{RecordFailed}, nil},
		"unknown scope":        {Retry{Scope: "all"}, nil, []string{"scope"}},
		"state that succeeded": {Retry{Status: []RecordStatus{RecordCompleted}}, nil, []string{"status"}},
		"scope and states":     {Retry{Scope: RetryFailed, Status: []RecordStatus{RecordFailed}}, nil, []string{"status"}},
		"no fingerprint":       {Retry{Fingerprint: "timeouts"}, nil, []string{"fingerprint"}},
		"over-long code":       {Retry{Code: Code(strings.Repeat("c", 65))}, nil, []string{"code"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.retry.Validate(); !slices.Equal(fields(err), test.want) {
				t.Errorf("faults %v, want %v", fields(err), test.want)
			}
			if test.takes != nil && !slices.Equal(test.retry.Statuses(), test.takes) {
				t.Errorf("takes %v, want %v", test.retry.Statuses(), test.takes)
			}
		})
	}
}
