// Package secret knows how to hold a text that must not be printed, how to seal
// it so that only a worker can read it again, and how to take it out of an error
// message. It does not store anything, and it does not know which accounts or
// servers a secret belongs to: the caller names that in a Binding.
package secret

import (
	"crypto/subtle"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what every print of a secret shows.
const Redacted = "[redacted]"

// Text is a text that no verb of fmt, no encoder and no log handler can print:
// it is kept behind a func, so that reflection finds an address even in an
// unexported field. The zero value is the empty text. Goroutines may share it.
type Text struct {
	reveal func() string
}

// New hides s.
func New(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{reveal: func() string { return s }}
}

// Reveal returns the hidden text. Call it only where the text leaves for the
// place that needs it: a driver's configuration, a sealing, a hash.
func (t Text) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// IsZero reports whether the text is empty.
func (t Text) IsZero() bool { return t.Reveal() == "" }

// Equal reports whether both texts are the same, in a time that depends only on
// their lengths.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// String returns Redacted, also for the empty text.
func (t Text) String() string { return Redacted }

// GoString returns Redacted.
func (t Text) GoString() string { return Redacted }

// Format writes Redacted for every verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue returns Redacted to every handler of slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText returns Redacted to the encoders of JSON, XML and the like.
func (t Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalText hides what was read, so that a request can be decoded straight
// into a Text.
func (t *Text) UnmarshalText(b []byte) error {
	*t = New(string(b))
	return nil
}

// Value refuses: a secret is sealed before it is stored.
func (t Text) Value() (driver.Value, error) {
	return nil, errors.New("a secret must be sealed before it is stored")
}
