package livepg

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A token is a piece of a dump. Only a word can be a keyword: a dump quotes every
// name that could be taken for one.
type token struct {
	kind tokenKind
	text string // without quotes
	raw  string // as it stands in the dump
}

type tokenKind int

const (
	word   tokenKind = iota // unquoted: a keyword, name or number
	quoted                  // a name in quotes
	text                    // a string
	sign                    // one other character
)

// A statement is the tokens of one, without its semicolon.
type statement []token

func (s statement) String() string {
	raw := make([]string, len(s))
	for i, t := range s {
		raw[i] = t.raw
	}
	return strings.Join(raw, " ")
}

// split cuts a dump into its statements. It knows what pg_dump 15 writes: with
// standard strings, bodies of functions in dollars or from BEGIN ATOMIC to END,
// and psql's commands on lines of their own.
func split(dump string) []statement {
	var all []statement
	l := lexer{rest: dump}
	var s statement
	for {
		t, ok := l.next()
		switch {
		case !ok:
			return append(all, s)
		case t.kind == sign && t.text == ";" && !l.inside():
			all, s = append(all, s), nil
		default:
			s = append(s, t)
		}
	}
}

// A lexer reads a dump from the front.
type lexer struct {
	rest   string
	parens int // open
	blocks int // open: BEGIN ATOMIC, and CASE within
	last   token
}

// inside reports whether a semicolon ends no statement here.
func (l *lexer) inside() bool { return l.parens > 0 || l.blocks > 0 }

func (l *lexer) next() (token, bool) {
	l.skip()
	if l.rest == "" {
		return token{}, false
	}
	t := l.read()
	l.rest = l.rest[len(t.raw):]
	l.count(t)
	l.last = t
	return t, true
}

// skip leaves out space, comments and commands of psql.
func (l *lexer) skip() {
	for {
		l.rest = strings.TrimLeft(l.rest, " \t\r\n")
		if !strings.HasPrefix(l.rest, "--") && !strings.HasPrefix(l.rest, `\`) {
			return
		}
		_, l.rest, _ = strings.Cut(l.rest, "\n")
	}
}

func (l *lexer) read() token {
	switch c := l.rest[0]; {
	case strings.HasPrefix(l.rest, "E'"):
		raw := l.rest[:1+closing(l.rest[1:], '\'')]
		inner := strings.ReplaceAll(raw[2:len(raw)-1], "''", "'")
		return token{text, strings.ReplaceAll(inner, `\\`, `\`), raw}
	case c == '\'' || c == '"':
		raw := l.rest[:closing(l.rest, c)]
		inner := strings.ReplaceAll(raw[1:len(raw)-1], string([]byte{c, c}), string(c))
		if c == '"' {
			return token{quoted, inner, raw}
		}
		return token{text, inner, raw}
	case c == '$':
		if tag := dollarTag(l.rest); tag != "" {
			end := strings.Index(l.rest[len(tag):], tag) + 2*len(tag)
			return token{text, l.rest[len(tag) : end-len(tag)], l.rest[:end]}
		}
	case isWord(rune(c)):
		end := len(l.rest) - len(strings.TrimLeftFunc(l.rest, isWord))
		return token{word, l.rest[:end], l.rest[:end]}
	}
	return token{sign, l.rest[:1], l.rest[:1]}
}

// closing returns where a quoted text ends; doubled quotes are part of it.
func closing(s string, quote byte) int {
	for i := 1; ; i++ {
		if s[i] != quote {
			continue
		}
		if i+1 == len(s) || s[i+1] != quote {
			return i + 1
		}
		i++
	}
}

func dollarTag(s string) string {
	end := strings.IndexByte(s[1:], '$')
	if end < 0 || strings.ContainsFunc(s[1:end+1], func(r rune) bool { return !isWord(r) }) {
		return ""
	}
	return s[:end+2]
}

func isWord(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r >= 0x80
}

func (l *lexer) count(t token) {
	switch {
	case t.kind == sign && t.text == "(":
		l.parens++
	case t.kind == sign && t.text == ")":
		l.parens--
	case t.kind == word && (t.text == "ATOMIC" && l.last.text == "BEGIN" || t.text == "CASE" && l.blocks > 0):
		l.blocks++
	case t.kind == word && t.text == "END" && l.blocks > 0:
		l.blocks--
	}
}

func TestSplitKnowsWhatADumpHas(t *testing.T) {
	t.Parallel()
	dump := `-- it's a comment; really
\restrict it's not SQL;
ALTER ROLE "a ""; b" SET x TO 'it''s; -- "', E'back\\slash''';
CREATE FUNCTION s.f() AS $_$ one; 'two $_$;
CREATE FUNCTION s.g()
    BEGIN ATOMIC
 SELECT CASE WHEN true THEN 1 ELSE 2 END;
 SELECT $1;
END;
CREATE RULE r AS DO ( NOTIFY a; NOTIFY b);
GRANT ALL ON TABLE größe TO "PUBLIC";
`
	var got []string
	for _, s := range split(dump) {
		got = append(got, s.String())
	}
	want := []string{
		`ALTER ROLE "a ""; b" SET x TO 'it''s; -- "' , E'back\\slash'''`,
		`CREATE FUNCTION s . f ( ) AS $_$ one; 'two $_$`,
		`CREATE FUNCTION s . g ( ) BEGIN ATOMIC SELECT CASE WHEN true THEN 1 ELSE 2 END ; SELECT $ 1 ; END`,
		`CREATE RULE r AS DO ( NOTIFY a ; NOTIFY b )`,
		`GRANT ALL ON TABLE größe TO "PUBLIC"`, ``,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	if name := split(dump)[0][2]; name.text != `a "; b` || name.kind != quoted {
		t.Errorf("the name is %+v", name)
	}
	if last := split(dump)[0][len(split(dump)[0])-1]; last.text != `back\slash'` || last.kind != text {
		t.Errorf("the string is %+v", last)
	}
	if i := slices.IndexFunc(split(dump)[4], func(t token) bool { return t.text == "PUBLIC" }); split(dump)[4][i].kind != quoted {
		t.Error("a name in quotes was taken for a keyword")
	}
}
