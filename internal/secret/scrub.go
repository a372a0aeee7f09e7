package secret

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxErrorBytes is the longest text that Scrubber.Clean returns, in bytes.
const MaxErrorBytes = 4096

const (
	maxRawBytes  = 32 << 10 // bounds the work on a message that a hostile server has chosen
	minReplaced  = 4        // bytes; a shorter secret is removed as a word only
	maxWordBytes = minReplaced - 1
)

// Scrubber makes the text of a driver's or server's error fit to be stored and
// shown. Besides what looks like a password it removes the secrets it was made
// with. The zero value knows none. Goroutines may share it.
type Scrubber struct {
	known func() known // behind a func, so that no print shows it
}

type known struct {
	replace *strings.Replacer
	words   []string // secrets of at most maxWordBytes
	longest int      // bytes of the longest replaced form
}

// NewScrubber returns a Scrubber that also removes the given secrets, plain and
// in the forms that drivers and servers turn them into: quoted, URL-encoded, in
// base64, in hexadecimal. A secret below 4 bytes is removed only where it stands
// alone: otherwise every word would show which letters are missing.
func NewScrubber(secrets ...Text) Scrubber {
	var k known
	var all []string
	for _, t := range secrets {
		s := t.Reveal()
		if len(s) <= maxWordBytes {
			k.words = append(k.words, s)
			continue
		}
		all = append(all, forms(s)...)
	}
	// The longest first: a secret may begin with another one.
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, form := range slices.Compact(all) {
		pairs = append(pairs, form, Redacted)
		k.longest = max(k.longest, len(form))
	}
	k.replace = strings.NewReplacer(pairs...)
	return Scrubber{known: func() known { return k }}
}

// Clean returns text without secrets, as valid UTF-8 without NUL (both become
// U+FFFD), cut to MaxErrorBytes at a rune boundary.
func (s Scrubber) Clean(text string) string {
	k := s.secrets()
	cut := len(text) > maxRawBytes
	if cut {
		text = text[:maxRawBytes]
	}
	text = printable(k.remove(text))
	text = removePatterns(k.remove(text)) // printable may have made a known form
	if cut {
		text = text[:max(0, len(text)-k.longest)] // may be the first half of a secret
	}
	return head(text, MaxErrorBytes)
}

func (s Scrubber) secrets() known {
	if s.known == nil {
		return known{replace: strings.NewReplacer()}
	}
	return s.known()
}

func (k known) remove(text string) string {
	text = k.replace.Replace(text)
	for _, w := range k.words {
		text = removeWord(text, w)
	}
	return text
}

// removeWord redacts word where no letter, digit or underscore touches it.
func removeWord(text, word string) string {
	if word == "" {
		return text
	}
	var out strings.Builder
	rest := text
	for {
		before, after, found := strings.Cut(rest, word)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		last, _ := utf8.DecodeLastRuneInString(out.String())
		next, _ := utf8.DecodeRuneInString(after)
		if inWord(last) || inWord(next) {
			out.WriteString(word)
		} else {
			out.WriteString(Redacted)
		}
		rest = after
	}
}

func inWord(r rune) bool {
	return r != utf8.RuneError && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r))
}

func printable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// head returns the longest prefix of s that has at most n bytes and ends at a
// rune boundary.
func head(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
