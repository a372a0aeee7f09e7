package sheet

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

// Writer writes instances in the form that Read takes. Make one with NewWriter.
type Writer struct {
	csv *csv.Writer
}

// NewWriter returns a Writer to w that begins with the header.
func NewWriter(w io.Writer) (*Writer, error) {
	out := &Writer{csv: csv.NewWriter(w)}
	return out, out.write(Columns())
}

// Write writes one instance with the name of its credential. An authority that
// its mode does not look at is left out, as Read would refuse it.
func (w *Writer) Write(in fleet.Instance, credential string) error {
	ca := in.TLSCA
	if !in.TLSMode.ChecksServer() {
		ca = ""
	}
	cells := []string{
		in.Name, string(in.Engine), in.Host, strconv.Itoa(in.Port), in.Database, credential, string(in.TLSMode), ca,
		in.TLSServerName, in.HostKey, joinTags(in.Tags), strconv.FormatBool(in.Active),
	}
	for i, cell := range cells {
		cells[i] = Guard(cell)
	}
	return w.write(cells)
}

func (w *Writer) write(cells []string) error {
	if err := w.csv.Write(cells); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// Flush writes what is still held back.
func (w *Writer) Flush() error {
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// formulaStarts are the characters that make a spreadsheet run a cell. The wide
// forms are the same to some of them.
const formulaStarts = "=+-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20"

func isFormula(cell string) bool {
	first, size := utf8.DecodeRuneInString(cell)
	return size > 0 && strings.ContainsRune(formulaStarts, first)
}

// Guard puts a ' before a cell that a spreadsheet would run as a formula, or one
// behind such marks, so that Read finds every cell again. Any other cell it
// returns as it is.
func Guard(cell string) string {
	if isFormula(strings.TrimLeft(cell, "'")) {
		return "'" + cell
	}
	return cell
}

// unguarded is the reverse of Guard.
func unguarded(cell string) string {
	rest, marked := strings.CutPrefix(cell, "'")
	if marked && isFormula(strings.TrimLeft(rest, "'")) {
		return rest
	}
	return cell
}
