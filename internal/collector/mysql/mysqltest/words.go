package mysqltest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// errForm is for a line that is not of the form that the server is known for.
var errForm = errors.New("unknown form")

// A token is a word, a mark, or what stood in quotes.
type token struct {
	text   string
	quoted bool
}

// words is a line that is read from the left; the first error stays.
type words struct {
	tokens []token
	err    error
}

func readWords(line string) *words {
	w := &words{}
	for rest := strings.TrimSpace(line); rest != "" && w.err == nil; rest = strings.TrimSpace(rest) {
		var t token
		switch {
		case strings.ContainsRune("`'\"", rune(rest[0])):
			t.quoted = true
			t.text, rest, w.err = unquote(rest)
		case strings.ContainsRune("(),.@*", rune(rest[0])):
			t.text, rest = rest[:1], rest[1:]
		default:
			end := strings.IndexAny(rest, " (),@*`'\"")
			if end < 0 {
				end = len(rest)
			}
			t.text, rest = rest[:end], rest[end:]
		}
		w.tokens = append(w.tokens, t)
	}
	return w
}

// unquote takes a quoted text off the front. A quote inside stands twice; in
// strings, a backslash stands before what it protects.
func unquote(s string) (text, rest string, err error) {
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '\'' && i+1 < len(s):
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return b.String(), s[i+1:], nil
		}
		b.WriteByte(s[i])
	}
	return "", "", fmt.Errorf("%w: no closing quote", errForm)
}

func (w *words) fail(expected string) {
	if w.err == nil {
		w.err = fmt.Errorf("%w: no %s", errForm, expected)
	}
}

// next returns whether the line goes on with this word or mark, and takes it.
func (w *words) next(word string) bool {
	if len(w.tokens) == 0 || w.tokens[0].quoted || w.tokens[0].text != word {
		return false
	}
	w.tokens = w.tokens[1:]
	return true
}

func (w *words) expect(word string) {
	if !w.next(word) {
		w.fail(word)
	}
}

// quoted takes a quoted text.
func (w *words) quoted() string {
	if len(w.tokens) == 0 || !w.tokens[0].quoted {
		w.fail("quoted text")
		return ""
	}
	t := w.tokens[0]
	w.tokens = w.tokens[1:]
	return t.text
}

// word takes one word.
func (w *words) word() string {
	if len(w.tokens) == 0 || w.tokens[0].quoted {
		w.fail("word")
		return ""
	}
	t := w.tokens[0]
	w.tokens = w.tokens[1:]
	return t.text
}

// until takes words up to one of these, which stays.
func (w *words) until(ends ...string) string {
	var all []string
	for w.err == nil && (len(w.tokens) == 0 || w.tokens[0].quoted || !slices.Contains(ends, w.tokens[0].text)) {
		all = append(all, w.word())
	}
	return strings.Join(all, " ")
}

// has reports whether these words follow each other somewhere in what is left.
func (w *words) has(phrase ...string) bool {
	for i := range w.tokens {
		part := w.tokens[i:min(len(w.tokens), i+len(phrase))]
		if slices.EqualFunc(part, phrase, func(t token, word string) bool { return !t.quoted && t.text == word }) {
			return true
		}
	}
	return false
}

// account takes user@host, a role, or PUBLIC.
func (w *words) account() string {
	if w.next("PUBLIC") {
		return "PUBLIC"
	}
	user := w.quoted()
	if w.next("@") {
		return accountName(user, w.quoted())
	}
	return accountName(user, "")
}

// accountName writes an account; a role has no host.
func accountName(user, host string) string {
	if host == "" {
		return fmt.Sprintf("%q", user)
	}
	return fmt.Sprintf("%q@%q", user, host)
}
