package account

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Hash identifies a state: equal hashes mean equal states.
type Hash [sha256.Size]byte

// Encode returns the stored form of an account and its hash. The form depends
// on what the account is and not on the order in which it was read. A field
// added to it later must be left out while it is empty, or every account of
// the fleet changes at once.
func Encode(a Account) ([]byte, Hash, error) {
	state, err := json.Marshal(a.Canonical())
	if err != nil {
		return nil, Hash{}, fmt.Errorf("encode account: %w", err)
	}
	return state, sha256.Sum256(state), nil
}

// Decode returns the account of a stored form, in its canonical form.
func Decode(state []byte) (Account, error) {
	var a Account
	dec := json.NewDecoder(bytes.NewReader(state))
	dec.UseNumber()
	if err := dec.Decode(&a); err != nil {
		return Account{}, fmt.Errorf("decode account: %w", err)
	}
	return a.Canonical(), nil
}

// Canonical returns the account in the one form that its state has: text that
// Postgres can store, everything sorted, grants of the same key merged, empty
// instead of nil. It shares no slice or map with a.
func (a Account) Canonical() Account {
	a.Identity, a.Name, a.Host = clean(a.Identity), clean(a.Name), clean(a.Host)
	a.ValidUntil = canonicalTime(a.ValidUntil)
	a.Attributes = canonicalAttributes(a.Attributes)
	a.Memberships = canonicalMemberships(a.Memberships)
	a.Grants = canonicalGrants(a.Grants)
	return a
}

// Key returns the identity as it is stored.
func (a Account) Key() string { return clean(a.Identity) }

// clean makes a text from a target storable: Postgres takes neither NUL nor
// broken UTF-8.
func clean(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// canonicalTime keeps what both JSON and Postgres can say; an engine's years may
// go beyond that.
func canonicalTime(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC().Truncate(time.Microsecond)
	switch year := u.Year(); {
	case year < 1:
		u = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	case year > 9999:
		u = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return &u
}

func canonicalAttributes(attributes map[string]any) map[string]any {
	out := make(map[string]any, len(attributes))
	for key, v := range attributes {
		if v != nil {
			out[clean(key)] = canonicalValue(v)
		}
	}
	return out
}

// canonicalValue returns a string, bool, int64, float64 or []string. Numbers
// become what they are after a way through JSON; any other type becomes its text.
func canonicalValue(v any) any {
	switch v := v.(type) {
	case string:
		return clean(v)
	case bool:
		return v
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case int64:
		return v
	case uint32:
		return int64(v)
	case float64:
		return canonicalFloat(v)
	case json.Number:
		return canonicalNumber(v)
	case []string:
		return canonicalList(v)
	case []any:
		return canonicalList(v)
	}
	return clean(fmt.Sprint(v))
}

func canonicalNumber(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, err := n.Float64()
	if err != nil {
		return clean(n.String())
	}
	return canonicalFloat(f)
}

func canonicalFloat(f float64) any {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return fmt.Sprint(f)
	case f == math.Trunc(f) && math.Abs(f) < 1<<63:
		return int64(f)
	}
	return f
}

func canonicalList[T any](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = clean(fmt.Sprint(v))
	}
	return out
}

type membershipKey struct{ role, grantor string }

func (m Membership) key() membershipKey { return membershipKey{m.Role, m.Grantor} }

func compareMemberships(a, b Membership) int {
	return cmp.Or(strings.Compare(a.Role, b.Role), strings.Compare(a.Grantor, b.Grantor))
}

// canonicalMemberships sorts, and merges what the engine lists twice: what one
// entry allows, the merged one allows.
func canonicalMemberships(memberships []Membership) []Membership {
	out := make([]Membership, len(memberships))
	for i, m := range memberships {
		m.Role, m.Grantor = clean(m.Role), clean(m.Grantor)
		out[i] = m
	}
	slices.SortStableFunc(out, compareMemberships)
	return mergeRuns(out, compareMemberships, func(a, b Membership) Membership {
		a.Admin = a.Admin || b.Admin
		a.Inherit, a.Set, a.Default = either(a.Inherit, b.Inherit), either(a.Set, b.Set), either(a.Default, b.Default)
		return a
	})
}

// either is "or" over flags where nil says nothing.
func either(a, b *bool) *bool {
	if a == nil || b != nil && *b {
		return b
	}
	return a
}

// mergeRuns merges neighbours of a sorted list that compare as equal.
func mergeRuns[T any](sorted []T, compare func(a, b T) int, merge func(a, b T) T) []T {
	out := sorted[:0]
	for _, v := range sorted {
		if n := len(out); n > 0 && compare(out[n-1], v) == 0 {
			out[n-1] = merge(out[n-1], v)
			continue
		}
		out = append(out, v)
	}
	return out
}
