package config

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/logging"
)

// reader turns variables into values. A getter that finds a fault notes it and
// returns the zero value, so that reading goes on to the next.
type reader struct {
	env    map[string]string
	faults []error
}

func newReader(environ []string) *reader {
	r := &reader{env: map[string]string{}}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, testPrefix) {
			continue
		}
		if !slices.Contains(known(), name) && !fromKubernetes(name, value) {
			r.fault(name, "is not a variable of DBFleet")
		}
		r.env[name] = strings.TrimSpace(value)
	}
	return r
}

// fromKubernetes reports whether the variable tells of a Service whose name
// begins with dbfleet; pods get such variables unasked.
func fromKubernetes(name, value string) bool {
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") ||
		strings.Contains(name, "_PORT_") || strings.HasPrefix(value, "tcp://")
}

func (r *reader) fault(name, format string, args ...any) {
	r.faults = append(r.faults, invalid.Field(name, format, args...))
}

func (r *reader) err() error { return errors.Join(r.faults...) }

// required returns the value of name; a missing one is a fault.
func (r *reader) required(name, example string) (string, bool) {
	if r.env[name] == "" {
		r.fault(name, "must be set, such as %s='%s'", name, example)
		return "", false
	}
	return r.env[name], true
}

func (r *reader) number(name string, otherwise, least, most int) int {
	if r.env[name] == "" {
		return otherwise
	}
	n, err := strconv.Atoi(r.env[name])
	if err != nil || n < least || n > most {
		r.fault(name, "must be a number from %d to %d", least, most)
		return 0
	}
	return n
}

func (r *reader) duration(name string, otherwise, least, most time.Duration) time.Duration {
	if r.env[name] == "" {
		return otherwise
	}
	d, err := time.ParseDuration(r.env[name])
	if err != nil || d < least || d > most {
		r.fault(name, "must be a duration from %s to %s, such as 45s", least, most)
		return 0
	}
	return d
}

// choice returns one of the allowed values, the first when none is set.
func (r *reader) choice(name string, allowed ...string) string {
	v := r.env[name]
	if v == "" {
		return allowed[0]
	}
	if !slices.Contains(allowed, v) {
		r.fault(name, "must be one of %s", strings.Join(allowed, ", "))
		return ""
	}
	return v
}

func (r *reader) logLevel() slog.Level {
	var level slog.Level // zero: info
	if v := r.choice(varLogLevel, "info", "debug", "warn", "error"); v != "" {
		_ = level.UnmarshalText([]byte(v)) // knows all four
	}
	return level
}

func (r *reader) logFormat() logging.Format {
	return logging.Format(r.choice(varLogFormat, string(logging.Auto), string(logging.Tint), string(logging.JSON)))
}

// address wants host:port to listen on; an empty host means every interface.
func (r *reader) address(name, otherwise string) string {
	v := r.env[name]
	if v == "" {
		return otherwise
	}
	_, port, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		r.fault(name, "must be host:port, such as %s", otherwise)
		return ""
	}
	return v
}

// list splits at commas and leaves out what is empty.
func (r *reader) list(name string) []string {
	var all []string
	for part := range strings.SplitSeq(r.env[name], ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

func (r *reader) prefixes(name string) []netip.Prefix {
	var all []netip.Prefix
	for _, part := range r.list(name) {
		p, err := netip.ParsePrefix(part)
		if err != nil || p != p.Masked() {
			r.fault(name, "%q is not a network such as 10.0.0.0/8", part)
			continue
		}
		all = append(all, p)
	}
	return all
}

// categories returns the named ones, all when none is named.
func (r *reader) categories() []string {
	named := r.list(varQueues)
	if len(named) == 0 {
		return categories()
	}
	for i, c := range named {
		switch {
		case !slices.Contains(categories(), c):
			r.fault(varQueues, "%q is not one of %s", c, strings.Join(categories(), ", "))
		case slices.Contains(named[:i], c):
			r.fault(varQueues, "%q is named twice", c)
		}
	}
	return named
}
