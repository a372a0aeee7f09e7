package cli

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// table is rows of cells below a header. Its cells are made safe when it is
// rendered. How it gives way to a narrow terminal is in fit.go.
type table struct {
	header []string // none when nil
	rows   [][]string
	indent int

	drop []string // titles of columns that may be left out, the least important first
	keep []string // titles of columns that are cut only after all others
	wrap bool     // the last column goes on below itself instead of being cut

	coloured bool
	idNames  []string   // see identify
	ids      [][]string // of each row
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

const columnGap = 2

// render returns the table as aligned lines, made to fit limit columns; 0 means
// no limit.
func (t *table) render(limit int) string {
	rows := t.safeRows()
	widths := columnWidths(rows)
	if limit > 0 {
		t.narrow(widths, limit)
	}
	var b strings.Builder
	for _, row := range rows {
		t.writeRow(&b, row, widths)
	}
	return b.String()
}

// writeRow writes one row; only a last column that wraps makes more lines of it.
func (t *table) writeRow(b *strings.Builder, row []string, widths []int) {
	line := strings.Repeat(" ", t.indent)
	var below []string
	for i, cell := range row {
		if t.wrap && i == len(widths)-1 {
			lines := wrapped(cell, widths[i])
			cell, below = lines[0], lines[1:]
		}
		line += t.painted(i, cell, cut(cell, widths[i])) + strings.Repeat(" ", columnGap+max(0, widths[i]-columns(cell)))
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	start := t.indent + lineWidth(widths) - widths[len(widths)-1]
	for _, rest := range below {
		b.WriteString(strings.Repeat(" ", start) + rest + "\n")
	}
}

// painted returns what is shown of a cell, with the colour that the whole one has.
func (t *table) painted(column int, cell, shown string) string {
	if !t.coloured || column >= len(t.header) {
		return shown
	}
	if colour := colourOf(t.header[column], cell); colour != "" {
		return colour + shown + plain
	}
	return shown
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
