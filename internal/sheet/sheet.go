// Package sheet knows the CSV form of instances: its columns, what each cell
// may hold, and how to name what is wrong in a file by its line. It does not
// know which credentials and instances there are: others find that out and add
// their faults to the sheet.
//
// A cell that a spreadsheet would run as a formula is written with a ' before
// it, and read without; see Guard.
package sheet

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

const (
	// MaxRows is how many instances one file may hold.
	MaxRows = 100_000
	// MaxFaults is how many faults are kept of a file; the others are counted.
	MaxFaults = 1_000
)

// Row is one line of a file that describes an instance; a cell may go on over
// several lines, and then Line is the first of them.
type Row struct {
	Line       int
	Instance   fleet.Instance // normalised, but without the credential's id
	Credential string         // its name
}

// Sheet is a file that was read, and what is wrong with it. One goroutine at a
// time may use it.
type Sheet struct {
	rows   []*Row
	lines  int // that are an instance, good or bad
	bad    map[int]struct{}
	faults []*invalid.Error
	count  int // of all faults, kept or not
}

// Lines is how many instances the file describes, well or badly.
func (s *Sheet) Lines() int { return s.lines }

// Bad is how many of them have a fault.
func (s *Sheet) Bad() int { return len(s.bad) }

// BadLines lists the lines that have a fault, the first one first.
func (s *Sheet) BadLines() []int { return slices.Sorted(maps.Keys(s.bad)) }

// Good returns the rows without a fault, in the order of the file. The list is
// the caller's; the rows stay the sheet's, and may be changed.
func (s *Sheet) Good() []*Row {
	good := make([]*Row, 0, len(s.rows))
	for _, row := range s.rows {
		if _, bad := s.bad[row.Line]; !bad {
			good = append(good, row)
		}
	}
	return good
}

// Fault notes that a field of a line cannot be accepted.
func (s *Sheet) Fault(line int, field, format string, args ...any) {
	if s.bad == nil {
		s.bad = map[int]struct{}{}
	}
	s.bad[line] = struct{}{}
	s.count++
	s.faults = append(s.faults, &invalid.Error{Line: line, Field: field, Reason: fmt.Sprintf(format, args...)})
	if len(s.faults) >= 2*MaxFaults {
		s.faults = s.first()
	}
}

// first returns the faults of the first lines, by line, at most MaxFaults.
func (s *Sheet) first() []*invalid.Error {
	slices.SortStableFunc(s.faults, func(a, b *invalid.Error) int { return cmp.Compare(a.Line, b.Line) })
	return s.faults[:min(len(s.faults), MaxFaults)]
}

// Faults returns the first faults by line, at most MaxFaults, and how many
// there are beyond them.
func (s *Sheet) Faults() (first []*invalid.Error, leftOut int) {
	first = s.first()
	return first, s.count - len(first)
}

// Err is nil for a sheet without a fault. Otherwise it says how many lines are
// bad, and joins what Faults returns.
func (s *Sheet) Err() error {
	if len(s.bad) == 0 {
		return nil
	}
	first, leftOut := s.Faults()
	summary := fmt.Sprintf("nothing was imported: %d of %d lines are bad", len(s.bad), s.lines)
	if leftOut > 0 {
		summary += fmt.Sprintf("; %d faults are listed, and there are %d more", len(first), leftOut)
	}
	all := []error{invalid.Field("body", "%s", summary)}
	for _, fault := range first {
		all = append(all, fault)
	}
	return errors.Join(all...)
}
