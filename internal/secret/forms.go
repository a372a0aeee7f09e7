package secret

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// forms returns s and the spellings in which drivers and servers repeat it.
func forms(s string) []string {
	all := []string{s, printable(s), strings.ReplaceAll(s, "'", "''")}
	goQuoted := strconv.Quote(s)
	all = append(all, goQuoted[1:len(goQuoted)-1])
	for _, escaped := range []string{url.QueryEscape(s), url.PathEscape(s), url.UserPassword("", s).String()[1:]} {
		all = append(all, escaped, lowerEscapes(escaped))
	}
	all = append(all, hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))))
	return append(all, base64Forms(s)...)
}

var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

func lowerEscapes(s string) string { return escape.ReplaceAllStringFunc(s, strings.ToLower) }

// base64Forms returns what s looks like inside a longer text that was encoded
// as a whole ("user:s"): at each of three offsets the letters that depend on s
// alone. Very short ones are left out, as they are found in ordinary words.
func base64Forms(s string) []string {
	const shortest = 6
	var all []string
	for offset := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			letters := enc.EncodeToString([]byte("\x00\x00"[:offset] + s))
			letters = letters[(offset*8+5)/6:]
			if (offset+len(s))%3 != 0 {
				letters = letters[:len(letters)-1]
			}
			if len(letters) >= shortest {
				all = append(all, letters)
			}
		}
	}
	return all
}

// A quoted value ends at its quote; without one, at the end of the text.
const (
	quoted = `'(?:[^'\\]|\\.|'')*'?|"(?:[^"\\]|\\.|"")*"?`
	naming = `(?:password|passwd|passphrase|pwd|secret)`
)

// patterns find passwords that nobody told the Scrubber about. Each keeps its
// first and second group and redacts what lies between.
var patterns = []*regexp.Regexp{
	regexp.MustCompile(`(?is)(\b\w*(?:` + naming + `|token)\s*=\s*)(?:` + quoted + `|[^\s;&]+)()`),
	regexp.MustCompile(`(?is)(\b\w*` + naming + `["']?\s*:\s*)(?:` + quoted + `)()`),
	regexp.MustCompile(`(?is)(\b(?:identified\s+by(?:\s+(?:values|password))?|hashed|password)\s+)(?:` + quoted + `|0x[0-9a-f]+)()`),
	regexp.MustCompile(`(://[^\s:/@\[]*:)\S*(@)`),
	regexp.MustCompile(`(\b[^\s/:@"']+:)\S+(@(?:tcp|unix)\()`), // the MySQL driver's form
}

// halfURL is scheme://user:secret without a host.
var halfURL = regexp.MustCompile(`://[^\s:/@\[]+:[^\s/"]+`)

func removePatterns(text string) string {
	for _, p := range patterns {
		text = p.ReplaceAllString(text, "${1}"+Redacted+"${2}")
	}
	return halfURL.ReplaceAllStringFunc(text, removeHalf)
}

// removeHalf leaves scheme://host:port alone: a port is made of digits.
func removeHalf(match string) string {
	scheme, rest, _ := strings.Cut(match[len("://"):], ":")
	if strings.HasPrefix(rest, Redacted) || strings.Trim(rest, "0123456789.,:;)") == "" {
		return match
	}
	return "://" + scheme + ":" + Redacted
}
