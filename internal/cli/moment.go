package cli

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// momentFlag adds a flag that takes a time in the past.
func momentFlag(cmd *cobra.Command, value *string, name, usage string) {
	cmd.Flags().StringVar(value, name, "", usage+`: "2026-11-21", "2026-11-21 08:00", with zone as in RFC 3339, or how long ago, such as 7d or 12h`)
}

// moment reads the value of a momentFlag; nil when it was not given. A time
// without a zone is in the user's own.
func (a *app) moment(name, value string) (*time.Time, error) {
	if value == "" {
		return nil, nil //nolint:nilnil // it was not given
	}
	if ago, ok := parseAgo(value); ok {
		at := a.now().Add(-ago).UTC()
		return &at, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, value, a.zone); err == nil {
			at = at.UTC()
			return &at, nil
		}
	}
	return nil, usagef(`--%s %q is no time: give a date such as 2026-11-21, "2026-11-21 08:00", or how long ago, such as 7d`, name, value)
}

func parseAgo(s string) (time.Duration, bool) {
	if count, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.Atoi(count)
		return time.Duration(days) * day, err == nil && days >= 0 && days <= 36500
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

// moments are the flags of a span of time.
type moments struct{ from, to string }

func momentFlags(cmd *cobra.Command, m *moments) {
	momentFlag(cmd, &m.from, "from", "started at this `TIME` or later")
	momentFlag(cmd, &m.to, "to", "started before this `TIME`")
}

func (a *app) span(m moments) (from, to *time.Time, err error) {
	if from, err = a.moment("from", m.from); err != nil {
		return nil, nil, err
	}
	to, err = a.moment("to", m.to)
	return from, to, err
}
