package session

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// Fingerprint names a kind of failure within a session: 16 hexadecimal digits,
// or none for a failure of before fingerprints were kept. Stored and matched on:
// another way to make it splits the groups of the past from those to come.
type Fingerprint string

// FingerprintOf returns the fingerprint of a failure. Failures of one code and
// phase whose messages differ only in what Normalise replaces share it.
func FingerprintOf(code Code, phase Phase, message string) Fingerprint {
	sum := sha256.Sum256([]byte(string(code) + "\x00" + string(phase) + "\x00" + Normalise(message)))
	return Fingerprint(hex.EncodeToString(sum[:8]))
}

var fingerprintForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

// ParseFingerprint returns the fingerprint of that text, or an *invalid.Error.
func ParseFingerprint(field, s string) (Fingerprint, error) {
	if !fingerprintForm.MatchString(s) {
		return "", invalid.Field(field, "must be 16 hexadecimal digits, as an error group shows them")
	}
	return Fingerprint(s), nil
}

// maxNormalised is in bytes; what tells kinds apart comes first in a message.
const maxNormalised = 500

// Normalise replaces what differs between failures of one kind: quoted names,
// addresses, durations, hexadecimal and other numbers. SQLSTATEs and the error
// numbers of MySQL stay. A normalised message is its own normal form.
func Normalise(message string) string {
	// A placeholder may make a new pair out of quotes left alone. The loop ends:
	// every round but the last takes digits, dots or quotes away, or shortens.
	for {
		next := cutText(variable.ReplaceAllStringFunc(strings.Join(strings.Fields(message), " "), placeholder), maxNormalised)
		if next == message {
			return next
		}
		message = next
	}
}

// variable matches a part that placeholder looks at; of several the first wins.
var variable = regexp.MustCompile(strings.Join([]string{
	`SQLSTATE:? ?[0-9A-Z]{5}\b`, `\bError \d+(?: \([0-9A-Z]{5}\))?`, // kept
	`"[^"]*"`, "`[^`]*`", `\B'[^']*'`, // 't of can't opens no quote
	`\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b`,
	`\b0[xX][0-9a-fA-F]+\b`,
	`\[[0-9a-zA-Z:.%]*:[0-9a-zA-Z:.%]*\](?::\d+)?`,
	`\b\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)?\b`,
	`(?:\b[0-9a-fA-F]{1,4})?(?::[0-9a-fA-F]{0,4}){2,7}`,
	`\blookup [^\s:<]+`,
	`\b[0-9A-Za-z][0-9A-Za-z_.-]*:\d+\b`,
	`\b[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+){2,}\b`,
	`\b(?:\d+(?:\.\d+)?(?:ns|µs|us|ms|s|m|h))+\b`,
	`\b[0-9a-fA-F]{8,}\b`,
	`\d+(?:[.,]\d+)*`,
}, "|"))

var (
	keptNumber = regexp.MustCompile(`^(?:SQLSTATE|Error )`)
	aDuration  = regexp.MustCompile(`^(?:\d+(?:\.\d+)?(?:ns|µs|us|ms|s|m|h))+$`)
	aNumber    = regexp.MustCompile(`^\d+(?:[.,]\d+)*$`)
	aHexNumber = regexp.MustCompile(`^(?:0[xX])?[0-9a-fA-F]+(?:-[0-9a-fA-F]+)*$`)
	aHostName  = regexp.MustCompile(`^[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+){2,}$`)
)

// placeholder returns what stands for a part that variable has matched.
func placeholder(part string) string {
	lookup, isLookup := strings.CutPrefix(part, "lookup ")
	switch {
	case keptNumber.MatchString(part):
		return part
	case strings.ContainsAny(part[:1], "\"'`"):
		return "<name>"
	case isLookup && lookup != "":
		return "lookup <address>"
	case aDuration.MatchString(part):
		return "<duration>"
	case aNumber.MatchString(part) && strings.Count(part, ".") != 3: // 10.0.0.7 is none
		return "<n>"
	case aHostName.MatchString(part):
		return "<address>"
	case !strings.ContainsAny(part, "0123456789"):
		return part // a word of the letters a to f, colons alone
	case aHexNumber.MatchString(part):
		return "<hex>"
	}
	return "<address>"
}

// cutText cuts s to at most limit bytes of whole characters.
func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.TrimSpace(strings.ToValidUTF8(s[:limit], ""))
}
