package cli

import (
	"slices"
	"strings"
)

const (
	goodWrapWidth = 36 // of a last column that wraps, as long as others can give way
	minWrapWidth  = 20 // the same before columns to be kept are cut
	minKeptWidth  = 16 // the same before other columns are left out
	minCellWidth  = 8  // no column is made narrower
)

// fitted returns the table without the columns that lines of limit columns have
// no room for, and the titles of those that were not empty. A limit of 0 leaves
// it as it is.
func (t *table) fitted(limit int) (*table, []string) {
	if limit <= 0 {
		return t, nil
	}
	var left []string
	for _, title := range slices.Concat(t.emptyColumns(), t.drop) {
		at := slices.Index(t.header, title)
		if at < 0 || t.wanted() <= limit {
			continue
		}
		if !t.isEmpty(at) {
			left = append(left, title)
		}
		t = t.without(at)
	}
	return t.squeezed(limit, left)
}

// squeezed leaves out what has no room even as narrow as it may become, from
// the right; the first column and those to be kept stay.
func (t *table) squeezed(limit int, left []string) (*table, []string) {
	for at := t.spare(); at > 0 && t.least() > limit; at = t.spare() {
		left = append(left, t.header[at])
		t = t.without(at)
	}
	return t, left
}

// spare is the column to leave out next, 0 when there is none; one that wraps
// is the last to go.
func (t *table) spare() int {
	last := len(t.header) - 1
	for at := last; at > 0; at-- {
		if !slices.Contains(t.keep, t.header[at]) && (!t.wrap || at < last) {
			return at
		}
	}
	if last > 0 && t.wrap && !slices.Contains(t.keep, t.header[last]) {
		return last
	}
	return 0
}

// least is the width of a line in which every column has given way.
func (t *table) least() int {
	widths := columnWidths(t.safeRows())
	for at := range widths {
		most := minCellWidth
		switch {
		case t.wrap && at == len(widths)-1:
			most = minWrapWidth
		case t.header == nil, slices.Contains(t.keep, t.header[at]): // without titles, the first cells say what it is
			most = minKeptWidth
		}
		widths[at] = min(widths[at], most)
	}
	return t.indent + lineWidth(widths)
}

// wanted is the width of a line in which nothing but a wrapping column gives way.
func (t *table) wanted() int {
	widths := columnWidths(t.safeRows())
	if last := len(widths) - 1; t.wrap && last >= 0 {
		widths[last] = min(widths[last], goodWrapWidth)
	}
	return t.indent + lineWidth(widths)
}

// emptyColumns lists the titles of columns that say nothing. The first one says
// which row it is and always stays.
func (t *table) emptyColumns() []string {
	var titles []string
	for at, title := range t.header {
		if at > 0 && t.isEmpty(at) {
			titles = append(titles, title)
		}
	}
	return titles
}

func (t *table) isEmpty(at int) bool {
	return !slices.ContainsFunc(t.rows, func(row []string) bool { return !slices.Contains([]string{"", "-", "0"}, row[at]) })
}

func (t *table) without(at int) *table {
	small := *t
	small.wrap = t.wrap && at < len(t.header)-1
	small.header = slices.Delete(slices.Clone(t.header), at, at+1)
	small.rows = make([][]string, len(t.rows))
	for i, row := range t.rows {
		small.rows[i] = slices.Delete(slices.Clone(row), at, at+1)
	}
	return &small
}

// narrow takes columns away from widths until a line fits into limit or none
// can become smaller: first from a last column that wraps, then from those that
// need not be kept.
func (t *table) narrow(widths []int, limit int) {
	var keep, others, last []int
	for at := range widths {
		switch {
		case t.wrap && at == len(widths)-1:
			last = append(last, at)
		case t.header == nil, slices.Contains(t.keep, t.header[at]): // without titles, the first cells say what it is
			keep = append(keep, at)
		default:
			others = append(others, at)
		}
	}
	excess := t.indent + lineWidth(widths) - limit
	excess = shrink(widths, last, goodWrapWidth, excess)
	excess = shrink(widths, others, minCellWidth, excess)
	excess = shrink(widths, last, minWrapWidth, excess)
	excess = shrink(widths, keep, minCellWidth, excess)
	shrink(widths, last, minCellWidth, excess)
}

// shrink takes excess columns from those of widths that at names, the widest
// first, down to least; it returns what is left to take.
func shrink(widths, at []int, least, excess int) int {
	for ; excess > 0 && len(at) > 0; excess-- {
		widest := slices.MaxFunc(at, func(i, j int) int { return widths[i] - widths[j] })
		if widths[widest] <= least {
			break
		}
		widths[widest]--
	}
	return excess
}

// lineWidth is how wide a line of such columns is.
func lineWidth(widths []int) int {
	total := 0
	for _, w := range widths {
		total += w + columnGap
	}
	return max(0, total-columnGap)
}

// wrapped returns s in lines of at most limit columns, at least one. Lines end
// at blanks where they can.
func wrapped(s string, limit int) []string {
	var lines []string
	line := ""
	for word := range strings.SplitSeq(s, " ") {
		if line != "" && columns(line)+1+columns(word) <= limit {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for line = word; columns(line) > limit; {
			head, rest := split(line, limit)
			if rest == "" {
				break
			}
			lines = append(lines, head)
			line = rest
		}
	}
	return append(lines, line)
}

// split cuts a text after at most limit columns, and after one character at
// the least.
func split(s string, limit int) (head, rest string) {
	used := 0
	for at, r := range s {
		if used += runeColumns(r); used > limit && at > 0 {
			return s[:at], s[at:]
		}
	}
	return s, ""
}
