package postgres

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const (
	// maxFieldBytes bounds one value; what is longer ends with cutMark.
	maxFieldBytes = 64 << 10
	cutMark       = "…"
)

// clean returns a server's value as valid UTF-8 without NUL, which neither our
// database nor JSON would take. A database without an encoding may hold any bytes.
func clean(b []byte) string {
	cut := len(b) > maxFieldBytes
	if cut {
		b = b[:maxFieldBytes]
	}
	if !cut && utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 {
		return string(b)
	}
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	if cut {
		s += cutMark
	}
	return s
}

// A pool keeps one copy of each text and list that repeats: a snapshot has
// thousands of grants with the same few privileges. The lists are shared and
// must not be changed.
type pool struct {
	texts map[string]string
	lists map[string][]string
}

func newPool() *pool {
	return &pool{texts: map[string]string{}, lists: map[string][]string{}}
}

// text returns the one copy of a value.
func (p *pool) text(b []byte) string {
	if s, ok := p.texts[string(b)]; ok { // does not copy b
		return s
	}
	s := clean(b)
	p.texts[string(b)] = s
	return s
}

// list returns the one copy of a list that the server has joined with commas;
// nil when it is empty.
func (p *pool) list(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	if l, ok := p.lists[string(b)]; ok {
		return l
	}
	l := strings.Split(clean(b), ",")
	p.lists[string(b)] = l
	return l
}
