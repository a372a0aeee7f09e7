package sheet

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// whole is the field of a fault that is of a line as a whole.
const whole = "cells"

// Read reads a CSV file of instances: UTF-8, with or without a byte order mark,
// lines that end in LF or CR LF, separated by commas. What is wrong with a line
// is a fault of the sheet. What is wrong with the file as a whole (no header,
// unknown, missing and repeated columns, too many rows) is the error, one
// *invalid.Error for each fault; so is what r returns.
func Read(r io.Reader) (*Sheet, error) {
	in := bufio.NewReader(r)
	if err := skipMark(in); err != nil {
		return nil, err
	}
	file := csv.NewReader(in)
	file.FieldsPerRecord = -1 // counted here, so that reading goes on
	file.ReuseRecord = true
	columns, err := readHeader(file)
	if err != nil {
		return nil, err
	}
	p := parser{sheet: &Sheet{}, columns: columns, names: map[string]int{}}
	return p.sheet, p.read(file)
}

// skipMark reads over a byte order mark. It refuses those of UTF-16, in which
// every line would be a riddle.
func skipMark(in *bufio.Reader) error {
	start, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the file: %w", err)
	}
	switch {
	case string(start) == "\xEF\xBB\xBF":
		_, err = in.Discard(len(start))
		return err
	case strings.HasPrefix(string(start), "\xFF\xFE"), strings.HasPrefix(string(start), "\xFE\xFF"):
		return invalid.Field("body", "is UTF-16: save it as CSV in UTF-8")
	}
	return nil
}

func readHeader(file *csv.Reader) ([]string, error) {
	cells, err := file.Read()
	var syntax *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return nil, invalid.Field("body", "is empty: its first line must name the columns, such as name,engine,host,credential")
	case errors.As(err, &syntax):
		return nil, &invalid.Error{Line: syntax.StartLine, Field: "header", Reason: "is not CSV: " + syntax.Err.Error()}
	case err != nil:
		return nil, fmt.Errorf("read the header: %w", err)
	}
	line, _ := file.FieldPos(0)
	columns := make([]string, len(cells))
	for i, cell := range cells {
		columns[i] = strings.TrimSpace(cell)
		if utf8.ValidString(cell) {
			columns[i] = strings.ToLower(columns[i])
		}
	}
	return columns, checkHeader(columns, line)
}

// checkHeader names every fault of the header.
func checkHeader(columns []string, line int) error {
	if len(columns) == 1 && strings.ContainsAny(columns[0], ";\t") {
		return &invalid.Error{Line: line, Field: "header", Reason: "is one column: separate the cells by commas"}
	}
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, &invalid.Error{Line: line, Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	for i, name := range columns {
		switch {
		case !utf8.ValidString(name):
			fault("header", "column %d must be valid UTF-8", i+1)
		case name == "":
			fault("header", "column %d has no name", i+1)
		case !slices.Contains(Columns(), name):
			fault(shortened(name), "is not a column: use %s", strings.Join(Columns(), ", "))
		case slices.Contains(columns[:i], name):
			fault(name, "is a column twice")
		}
	}
	for _, name := range needed() {
		if !slices.Contains(columns, name) {
			fault(name, "is a column that is needed")
		}
	}
	return errors.Join(faults...)
}

// shortened bounds a text that the caller has made up.
func shortened(s string) string {
	const most = 60
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

// parser turns lines into rows.
type parser struct {
	sheet   *Sheet
	columns []string
	names   map[string]int // the line of each good row, by its name
}

func (p *parser) read(file *csv.Reader) error {
	for {
		cells, err := file.Read()
		var syntax *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &syntax):
			p.sheet.lines++
			p.sheet.Fault(syntax.StartLine, whole, "are not CSV: %v", syntax.Err)
		case err != nil:
			return fmt.Errorf("read the file: %w", err)
		case !empty(cells):
			line, _ := file.FieldPos(0)
			p.line(line, cells)
		}
		if p.sheet.lines > MaxRows {
			return invalid.Field("body", "has more than %d instances: split it", MaxRows)
		}
	}
}

// empty is also what a spreadsheet writes for a row that was cleared.
func empty(cells []string) bool {
	return !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

func (p *parser) line(line int, cells []string) {
	p.sheet.lines++
	if len(cells) != len(p.columns) {
		p.sheet.Fault(line, whole, "are %d, and the header has %d columns", len(cells), len(p.columns))
		return
	}
	valid := true
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			p.sheet.Fault(line, p.columns[i], "must be valid UTF-8")
			valid = false
		}
	}
	if valid {
		p.row(line, cells)
	}
}
