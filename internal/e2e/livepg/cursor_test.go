package livepg

import (
	"slices"
	"strings"
)

// A cursor reads one statement from its front.
type cursor struct{ rest statement }

// keywords steps over these words, if they come next.
func (c *cursor) keywords(words string) bool {
	list := strings.Fields(words)
	if len(c.rest) < len(list) {
		return false
	}
	for i, w := range list {
		if !c.rest[i].isKeyword(w) {
			return false
		}
	}
	c.rest = c.rest[len(list):]
	return true
}

func (t token) isKeyword(w string) bool { return t.kind == word && t.text == w }

func (t token) isSign(s string) bool { return t.kind == sign && t.text == s }

// sign steps over the character, if it comes next.
func (c *cursor) sign(s string) bool {
	if len(c.rest) == 0 || !c.rest[0].isSign(s) {
		return false
	}
	c.rest = c.rest[1:]
	return true
}

// take returns the next token's text.
func (c *cursor) take() string {
	if len(c.rest) == 0 {
		return ""
	}
	t := c.rest[0]
	c.rest = c.rest[1:]
	return t.text
}

// role reads the name of a role, or PUBLIC.
func (c *cursor) role() who {
	if c.keywords("PUBLIC") {
		return everybody
	}
	return who(c.take())
}

// qualified reads the name of something, with or without a schema.
func (c *cursor) qualified() (schema, name string) {
	name = c.take()
	if c.sign(".") {
		return name, c.take()
	}
	return "", name
}

// before reports whether the word comes in the statement, before the other one.
func (c *cursor) before(first, second string) bool {
	i := slices.IndexFunc(c.rest, func(t token) bool { return t.isKeyword(first) })
	j := slices.IndexFunc(c.rest, func(t token) bool { return t.isKeyword(second) })
	return i >= 0 && (j < 0 || i < j)
}

// parens returns the parts of a list in parentheses, which comes next.
func (c *cursor) parens() []statement {
	if !c.sign("(") {
		return nil
	}
	var parts []statement
	var part statement
	for depth := 1; len(c.rest) > 0; {
		t := c.rest[0]
		c.rest = c.rest[1:]
		switch {
		case t.isSign("("):
			depth++
		case t.isSign(")"):
			depth--
		}
		if depth == 0 {
			break
		}
		if depth == 1 && (t.isSign(",") || t.isKeyword("ORDER")) {
			parts, part = append(parts, part), nil
			continue
		}
		part = append(part, t)
	}
	if len(part) > 0 || len(parts) > 0 {
		parts = append(parts, part)
	}
	return parts
}

// signature reads the arguments of a routine and returns the types that tell it
// from its namesakes, as in "(integer, text)".
func (c *cursor) signature() string {
	var types []string
	for _, argument := range c.parens() {
		a := cursor{argument}
		if a.keywords("OUT") || len(a.rest) == 0 || a.rest[0].isSign("*") {
			continue
		}
		for _, mode := range []string{"INOUT", "IN", "VARIADIC", "BY"} {
			if a.keywords(mode) {
				break
			}
		}
		if a.keywords("VARIADIC"); !isType(a.rest) {
			a.take() // the argument's name
		}
		types = append(types, spell(a.rest))
	}
	return "(" + strings.Join(types, ", ") + ")"
}

// isType reports whether the tokens are a type and no more.
func isType(s statement) bool {
	for _, words := range []string{
		"double precision", "character varying", "bit varying",
		"timestamp with time zone", "timestamp without time zone", "time with time zone", "time without time zone",
	} {
		if c := (cursor{s}); c.keywords(words) {
			return isDimensions(c.rest)
		}
	}
	c := cursor{s}
	c.qualified()
	return isDimensions(c.rest)
}

func isDimensions(s statement) bool {
	return !slices.ContainsFunc(s, func(t token) bool { return !t.isSign("[") && !t.isSign("]") })
}

// spell writes a type as the server does.
func spell(s statement) string {
	var b strings.Builder
	for i, t := range s {
		if i > 0 && t.kind == word && s[i-1].kind == word {
			b.WriteByte(' ')
		}
		b.WriteString(t.raw)
	}
	return b.String()
}
