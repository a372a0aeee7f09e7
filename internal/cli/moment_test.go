package cli

import (
	"testing"
	"time"
)

func TestMomentReadsWhatPeopleWrite(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	a := &app{now: func() time.Time { return now }, zone: time.FixedZone("", 8*3600)}
	for text, want := range map[string]string{
		"2026-11-01":                "2026-10-31T16:00:00Z",
		"2026-11-01 08:30":          "2026-11-01T00:30:00Z",
		"2026-11-01T08:30":          "2026-11-01T00:30:00Z",
		"2026-11-01 08:30:15":       "2026-11-01T00:30:15Z",
		"2026-11-01T08:30:15Z":      "2026-11-01T08:30:15Z",
		"2026-11-01T08:30:15+01:00": "2026-11-01T07:30:15Z",
		"7d":                        "2026-11-14T12:00:00Z",
		"12h":                       "2026-11-21T00:00:00Z",
	} {
		at, err := a.moment("at", text)
		if err != nil || at.Format(time.RFC3339) != want {
			t.Errorf("%q: %v, %v, want %s", text, at, err, want)
		}
	}
	for _, text := range []string{"now", "-1h", "-1d", "2026-13-01", "1", "9999999d"} {
		if at, err := a.moment("at", text); err == nil {
			t.Errorf("%q is %s", text, at)
		}
	}
	if at, err := a.moment("at", ""); at != nil || err != nil {
		t.Errorf("not given: %v, %v", at, err)
	}
}
