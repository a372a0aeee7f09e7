// Package setting knows the settings that are the same for every process: their
// keys, types, bounds and defaults. They are stored as one row each; a key
// without a row has its default. What differs between processes is configuration
// and comes from the environment instead.
package setting

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/schedule"
)

// ErrNotFound says that no setting has that key.
var ErrNotFound = errors.New("setting not found")

// Settings are the values in force. The zero value is not useful: start from
// Defaults or FromRows.
type Settings struct {
	TimeZone         string        // IANA name, for what people read as a day
	HostLimit        int           // records queued or running per host key
	MaxAttempts      int           // of one record, the first included
	SessionDeadline  time.Duration // after it, what has not started fails
	AccountTimeout   time.Duration // one attempt to read the accounts of one instance
	ConnectTimeout   time.Duration // dial, TLS and login together
	StatementTimeout time.Duration // one statement on a target
	MaxAccounts      int           // a bigger snapshot fails with too_large
	HoldPercent      int           // a disappearance above both bounds is held
	HoldMinimum      int           // accounts
	RequestRate      int           // of one token and one api process, per second
	RequestBurst     int           // of one token and one api process, at once
	FailedLogins     int           // of one address and one api process, per minute
	Streams          int           // of events that one api process has open
	StreamsPerUser   int           // of those, of one user
	SessionsDays     int           // that ended sessions are kept; 0: for ever
	FiresDays        int           // that lines of schedules without a session are kept; 0: for ever
	AuditMonths      int           // before the present one that the audit trail is kept; 0: for ever
}

// Definition describes one setting for lists and checks.
type Definition struct {
	Key  string
	Kind Kind
	Min  int // of numbers and seconds
	Max  int
	Help string

	unset value
	set   func(*Settings, value)
}

// value is a checked value: text of a zone, number of everything else.
type value struct {
	text   string
	number int
}

// Kind is the type of a setting's JSON value.
type Kind string

// The kinds.
const (
	Zone    Kind = "time_zone" // a string
	Number  Kind = "number"    // a whole number
	Seconds Kind = "seconds"   // a whole number of seconds
)

const (
	day    = 24 * 60 * 60
	minute = 60
)

// Definitions lists every setting, sorted by key.
func Definitions() []Definition {
	return []Definition{
		number("account.hold_minimum", 20, 1, 1_000_000, "hold a disappearance of at least so many accounts …",
			func(s *Settings, n int) { s.HoldMinimum = n }),
		number("account.hold_percent", 30, 1, 100, "… that is also more than this share of the instance's accounts",
			func(s *Settings, n int) { s.HoldPercent = n }),
		number("account.max_accounts", 200_000, 100, 1_000_000, "an instance with more accounts fails as too_large",
			func(s *Settings, n int) { s.MaxAccounts = n }),
		seconds("account.timeout", 5*minute, 5, day, "one attempt to read the accounts of one instance",
			func(s *Settings, d time.Duration) { s.AccountTimeout = d }),
		number("api.failed_logins", 60, 1, 1_000_000, "failed logins of one address per minute and api process",
			func(s *Settings, n int) { s.FailedLogins = n }),
		number("api.request_burst", 200, 1, 1_000_000, "requests of one token at once, per api process",
			func(s *Settings, n int) { s.RequestBurst = n }),
		number("api.request_rate", 100, 1, 1_000_000, "requests of one token per second and api process",
			func(s *Settings, n int) { s.RequestRate = n }),
		number("api.streams", 2000, 1, 1_000_000, "streams of events that are open at once, per api process",
			func(s *Settings, n int) { s.Streams = n }),
		number("api.streams_per_user", 100, 1, 1_000_000, "streams of events of one user at once, per api process",
			func(s *Settings, n int) { s.StreamsPerUser = n }),
		number("dispatch.host_limit", 4, 1, 10_000, "records of one host key that are queued or running at once",
			func(s *Settings, n int) { s.HostLimit = n }),
		number("retention.audit_months", 0, 0, 1_200, "months of the audit trail that are kept before the present one; 0: all",
			func(s *Settings, n int) { s.AuditMonths = n }),
		number("retention.fires_days", 90, 0, 36_500, "days that a schedule's history keeps times without a session; 0: for ever",
			func(s *Settings, n int) { s.FiresDays = n }),
		number("retention.sessions_days", 400, 0, 36_500, "days that ended sessions are kept with their records; 0: for ever",
			func(s *Settings, n int) { s.SessionsDays = n }),
		seconds("session.deadline", 6*60*minute, minute, 7*day, "a session older than this fails what has not started",
			func(s *Settings, d time.Duration) { s.SessionDeadline = d }),
		number("session.max_attempts", 3, 1, 10, "attempts of one record, the first included",
			func(s *Settings, n int) { s.MaxAttempts = n }),
		seconds("target.connect_timeout", 10, 1, 5*minute, "dial, TLS and login to a target together",
			func(s *Settings, d time.Duration) { s.ConnectTimeout = d }),
		seconds("target.statement_timeout", minute, 1, day, "one statement on a target",
			func(s *Settings, d time.Duration) { s.StatementTimeout = d }),
		{
			Key: "time_zone", Kind: Zone, Help: "IANA name of the zone in which days begin",
			unset: value{text: "UTC"}, set: func(s *Settings, v value) { s.TimeZone = v.text },
		},
	}
}

func number(key string, unset, low, high int, help string, set func(*Settings, int)) Definition {
	return Definition{
		Key: key, Kind: Number, Min: low, Max: high, Help: help,
		unset: value{number: unset}, set: func(s *Settings, v value) { set(s, v.number) },
	}
}

func seconds(key string, unset, low, high int, help string, set func(*Settings, time.Duration)) Definition {
	return Definition{
		Key: key, Kind: Seconds, Min: low, Max: high, Help: help,
		unset: value{number: unset},
		set:   func(s *Settings, v value) { set(s, time.Duration(v.number)*time.Second) },
	}
}

// Find returns the definition of a key, or ErrNotFound.
func Find(key string) (Definition, error) {
	for _, d := range Definitions() {
		if d.Key == key {
			return d, nil
		}
	}
	return Definition{}, ErrNotFound
}

// Check returns the value in its canonical JSON form, or an *invalid.Error for
// the field "value".
func (d Definition) Check(raw json.RawMessage) (json.RawMessage, error) {
	v, err := d.parse(raw)
	if err != nil {
		return nil, err
	}
	return d.encode(v)
}

// encode returns the JSON form of a checked value.
func (d Definition) encode(v value) (json.RawMessage, error) {
	if d.Kind == Zone {
		return json.Marshal(v.text)
	}
	return json.Marshal(v.number)
}

func (d Definition) parse(raw json.RawMessage) (value, error) {
	if d.Kind == Zone {
		return parseZone(raw)
	}
	var n int
	if err := json.Unmarshal(raw, &n); err != nil || string(raw) == "null" {
		return value{}, invalid.Field("value", "must be a whole number")
	}
	if n < d.Min || n > d.Max {
		return value{}, invalid.Field("value", "must be between %d and %d", d.Min, d.Max)
	}
	return value{number: n}, nil
}

// parseZone takes what a schedule takes, whose zone this is by default.
func parseZone(raw json.RawMessage) (value, error) {
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return value{}, invalid.Field("value", "must be the IANA name of a time zone, as in Asia/Shanghai")
	}
	if _, err := schedule.ParseZone("value", name); err != nil {
		return value{}, err
	}
	return value{text: name}, nil
}

// Defaults returns the settings of a system in which nothing was set.
func Defaults() Settings {
	var s Settings
	for _, d := range Definitions() {
		d.set(&s, d.unset)
	}
	return s
}

// FromRows returns the settings in force where rows are the stored ones. A key
// that this binary does not know is left alone: a newer one may have written it.
// A value that this binary cannot read is an error, never a silent default.
func FromRows(rows map[string]json.RawMessage) (Settings, error) {
	s := Defaults()
	var faults []error
	for _, d := range Definitions() {
		raw, stored := rows[d.Key]
		if !stored {
			continue
		}
		v, err := d.parse(raw)
		if err != nil {
			faults = append(faults, invalid.Field(d.Key, "stored value %s: %v", raw, err))
			continue
		}
		d.set(&s, v)
	}
	return s, errors.Join(faults...)
}
