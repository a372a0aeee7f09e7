package cli

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// table is rows of cells below a header. Its cells are made safe when it is
// rendered.
type table struct {
	header []string // none when nil
	rows   [][]string
	indent int
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

const (
	columnGap    = 2
	minCellWidth = 8 // a column is not made narrower to fit a terminal
)

// render returns the table as aligned lines. With a limit, columns are narrowed,
// the widest first, until a line fits; 0 means no limit.
func (t *table) render(limit int) string {
	rows := t.safeRows()
	widths := columnWidths(rows)
	if limit > 0 {
		narrow(widths, limit-t.indent)
	}
	var b strings.Builder
	for _, row := range rows {
		line := strings.Repeat(" ", t.indent)
		for i, cell := range row {
			line += pad(cut(cell, widths[i]), widths[i]+columnGap)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func (t *table) safeRows() [][]string {
	all := make([][]string, 0, len(t.rows)+1)
	if t.header != nil {
		all = append(all, t.header)
	}
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = safe(cell)
		}
		all = append(all, cells)
	}
	return all
}

func columnWidths(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(cell))
		}
	}
	return widths
}

// narrow takes from the widest column until all fit into limit or none can
// become smaller.
func narrow(widths []int, limit int) {
	total := 0
	for _, w := range widths {
		total += w + columnGap
	}
	for total-columnGap > limit {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if len(widths) == 0 || widths[widest] <= minCellWidth {
			return
		}
		widths[widest]--
		total--
	}
}

// columns is how many columns of a terminal a text takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens a text to so many columns and shows that it did.
func cut(s string, limit int) string {
	if columns(s) <= limit {
		return s
	}
	var b strings.Builder
	used := 1 // the ellipsis
	for _, r := range s {
		if used += runeColumns(r); used > limit {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}

func pad(s string, to int) string {
	return s + strings.Repeat(" ", max(0, to-columns(s)))
}
