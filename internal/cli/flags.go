package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// choice is a flag that takes one of a few words. The empty value means that
// it was not given.
type choice struct {
	value   string
	allowed []string
}

// choiceFlag adds a flag of a few words, which the shell can complete.
func choiceFlag(cmd *cobra.Command, name, otherwise, usage string, allowed ...string) *choice {
	c := &choice{value: otherwise, allowed: allowed}
	cmd.Flags().Var(c, name, usage+": "+strings.Join(allowed, ", "))
	complete := cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp)
	must(cmd.RegisterFlagCompletionFunc(name, complete))
	return c
}

// String implements pflag.Value.
func (c *choice) String() string { return c.value }

// Type implements pflag.Value.
func (c *choice) Type() string { return "WORD" }

// Set implements pflag.Value.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("must be one of %s", strings.Join(c.allowed, ", "))
	}
	c.value = s
	return nil
}

// withoutDefaults takes the defaults out of the help of flags that a command
// shares with another one, which makes what this one changes: it leaves alone
// what is not given.
func withoutDefaults(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		before, rest, found := strings.Cut(f.Usage, " (default")
		if _, after, closed := strings.Cut(rest, ")"); found && closed {
			f.Usage = before + after
		}
	})
}

// words lists the words of a stored enumeration.
func words[T ~string](all ...T) []string {
	out := make([]string, len(all))
	for i, w := range all {
		out[i] = string(w)
	}
	return out
}

// wordList returns the words that a flag was given as the API's type; nil when
// there are none.
func wordList[T ~string](all []string) *[]T {
	if len(all) == 0 {
		return nil
	}
	out := make([]T, len(all))
	for i, w := range all {
		out[i] = T(w)
	}
	return &out
}

// given returns the choice as the API's type; nil when it was not given.
func given[T ~string](c *choice) *T {
	if c.value == "" {
		return nil
	}
	v := T(c.value)
	return &v
}

// optional returns nil for the zero value, which the API's optional fields and
// parameters stand for.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// ifChanged returns v when the user gave the flag of that name, also when it
// is the zero value; else nil.
func ifChanged[T any](cmd *cobra.Command, name string, v T) *T {
	if !cmd.Flags().Changed(name) {
		return nil
	}
	return &v
}

// toggle is a yes-or-no flag that can be left out, such as --active=false.
type toggle struct {
	value *bool // nil when it was not given
}

// toggleFlag adds a flag that means yes when it is given alone.
func toggleFlag(cmd *cobra.Command, name, usage string) *toggle {
	t := &toggle{}
	cmd.Flags().Var(t, name, usage)
	cmd.Flags().Lookup(name).NoOptDefVal = "true"
	return t
}

// String implements pflag.Value.
func (t *toggle) String() string {
	if t.value == nil {
		return ""
	}
	return strconv.FormatBool(*t.value)
}

// Type implements pflag.Value.
func (t *toggle) Type() string { return "bool" }

// Set implements pflag.Value.
func (t *toggle) Set(s string) error {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return errors.New("must be true or false")
	}
	t.value = &v
	return nil
}

func parseID(what, s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 1 {
		return 0, usagef("%q is not the id of %s: ids are numbers from 1", s, what)
	}
	return id, nil
}

const day = 24 * time.Hour

// parseExpiry reads "90d", "12h" or "never", which is 0.
func parseExpiry(s string) (time.Duration, error) {
	if s == "never" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if count, ok := strings.CutSuffix(s, "d"); ok {
		var days int
		days, err = strconv.Atoi(count)
		d = time.Duration(days) * day
	}
	if err != nil || d <= 0 || d > 36500*day {
		return 0, usagef("--expires %q: give days such as 90d, hours such as 12h, or never", s)
	}
	return d, nil
}

func number[T ~int | ~int32 | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// must panics about a mistake of this program, such as a flag that is not there.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
