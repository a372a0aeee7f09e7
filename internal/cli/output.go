package cli

import (
	"encoding/csv"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/internal/sheet"
)

// The forms of --output. Scripts use them; do not rename.
const (
	asTable = "table"
	asCSV   = "csv"
	asJSON  = "json"
)

// wantsJSON looks for JSON among arguments that are not parsed yet, so that a
// mistake in them is told as JSON, too.
func wantsJSON(args []string) bool {
	for at, arg := range args {
		switch {
		case arg == "--json", arg == "--output="+asJSON:
			return true
		case arg == "--output" && at+1 < len(args) && args[at+1] == asJSON:
			return true
		}
	}
	return false
}

// chooseOutput applies --output to a command that is about to run. CSV is
// refused before anything is asked for or changed, where a command lists nothing.
func (a *app) chooseOutput(cmd *cobra.Command) error {
	chosen := cmd.Flags().Changed("output")
	switch {
	case a.json && chosen && a.output.value != asJSON:
		return usagef("--json and --output %s do not go together", a.output.value)
	case a.output.value == asJSON:
		a.json = true
	case a.output.value == asCSV && !lists(cmd):
		return noCSV(cmd)
	case a.output.value == asCSV:
		a.csv = true
		a.out.only = true
	}
	return nil
}

func noCSV(cmd *cobra.Command) error {
	return usagef("--output csv is for lists, and %s does not make one: use --output json", cmd.CommandPath())
}

// lists reports whether a command may print a list.
func lists(cmd *cobra.Command) bool {
	verbs := []string{"list", "history", "next", "records", "errors", "stats", "status", "doctor", "export"}
	return slices.Contains(verbs, cmd.Name()) || cmd.Flags().Lookup("limit") != nil
}

// csv writes the table whole and uncut in the form of RFC 4180. A cell that a
// spreadsheet would take for a formula begins with an apostrophe; one that a
// person sees as "-" is empty.
func (t *table) csv() (string, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	rows := append([][]string{slices.Concat(t.header, t.idNames)}, t.rows...)
	for at, row := range rows {
		if at > 0 && t.ids != nil {
			row = slices.Concat(row, t.ids[at-1])
		}
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = plainCell(cell)
		}
		if err := w.Write(cells); err != nil {
			return "", fmt.Errorf("write CSV: %w", err)
		}
	}
	w.Flush()
	return b.String(), w.Error()
}

func plainCell(cell string) string {
	if cell == "-" {
		return ""
	}
	return safe(sheet.Guard(cell))
}

// identify gives a table the ids that its rows have in the API, by their names
// there; only CSV shows them. A column of the same name is not there twice.
func identify[T any](t *table, items []T) {
	of := reflect.TypeFor[T]()
	if of.Kind() != reflect.Struct {
		return
	}
	var fields []int
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		known := slices.Contains(t.header, strings.ToUpper(name))
		if (name == "id" || strings.HasSuffix(name, "_id")) && !known {
			fields, t.idNames = append(fields, i), append(t.idNames, name)
		}
	}
	t.ids = make([][]string, len(items))
	for row, item := range items {
		for _, i := range fields {
			t.ids[row] = append(t.ids[row], idText(reflect.ValueOf(item).Field(i)))
		}
	}
}

func idText(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	return fmt.Sprint(v.Interface())
}
