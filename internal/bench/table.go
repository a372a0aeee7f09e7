package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// writeTable writes the report for a person: machine, settings, figures.
func (r *report) writeTable(w io.Writer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range append(r.body.Machine.rows(), r.body.Settings...) {
		fmt.Fprintf(t, "%s\t%s\n", s.Name, s.Value)
	}
	fmt.Fprintf(t, "started\t%s, took %s\n", r.body.StartedAt.Format(time.DateTime+"Z"), seconds(r.body.TookS))
	fmt.Fprintf(t, "\nfigure\tcase\tvalue\tbeside it\t\tratio\tnote\n")
	last := ""
	for _, l := range r.body.Lines {
		name := l.Figure
		if name == last {
			name = ""
		}
		last = l.Figure
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, l.Case, amount(l.Value, l.Unit),
			besideAmount(l), l.Beside, ratioText(l), l.Note)
	}
	for _, f := range r.body.Faults {
		for text := range strings.SplitSeq(f.Error, "\n") { // one for each question that failed
			fmt.Fprintf(t, "%s\tFAILED: %s\n", f.Figure, text)
		}
	}
	return t.Flush()
}

func besideAmount(l line) string {
	if l.BesideValue == nil {
		return "–"
	}
	return amount(*l.BesideValue, l.Unit)
}

func ratioText(l line) string {
	if l.Ratio == nil {
		return ""
	}
	return strconv.FormatFloat(*l.Ratio, 'f', 2, 64)
}

// amount prints a value with three digits that mean something.
func amount(v float64, unit string) string {
	digits := 0
	if a := math.Abs(v); a > 0 && a < 100 {
		digits = min(3, 2-int(math.Floor(math.Log10(a))))
	}
	text := strconv.FormatFloat(v, 'f', max(digits, 0), 64)
	if cmp.Compare(v, 10_000) >= 0 {
		text = grouped(text)
	}
	return text + " " + unit
}

// grouped puts a comma after every third digit of a whole number.
func grouped(digits string) string {
	out := ""
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out += ","
		}
		out += string(d)
	}
	return out
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
