package mysql

import "strings"

// A pool keeps one copy of each text and list that repeats: a snapshot has
// thousands of grants with the same few privileges. The lists are shared and
// must not be changed.
type pool struct {
	texts map[string]string
	sets  map[string]set
}

func newPool() *pool {
	return &pool{texts: map[string]string{}, sets: map[string]set{}}
}

// text returns the one copy of a text.
func (p *pool) text(s string) string {
	if kept, ok := p.texts[s]; ok {
		return kept
	}
	p.texts[s] = s
	return s
}

// set returns the one copy of what a SET column holds.
func (p *pool) set(value string) set {
	if kept, ok := p.sets[value]; ok {
		return kept
	}
	var names []string
	if value != "" {
		names = strings.Split(strings.ToUpper(value), ",")
	}
	kept := newSet(names)
	p.sets[value] = kept
	return kept
}
