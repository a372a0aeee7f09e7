package postgres

import (
	"strings"

	"github.com/dbfleet/dbfleet/internal/collector"
)

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
	s := collector.Clean(b)
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
	l := strings.Split(collector.Clean(b), ",")
	p.lists[string(b)] = l
	return l
}
