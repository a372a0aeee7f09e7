package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// line is one measured value with what stands beside it.
type line struct {
	Figure      string   `json:"figure"`
	Case        string   `json:"case"`
	Value       float64  `json:"value"`
	Unit        string   `json:"unit"`
	Beside      string   `json:"beside,omitempty"`       // what BesideValue is, in the same unit
	BesideValue *float64 `json:"beside_value,omitempty"` // from the same run
	Ratio       *float64 `json:"ratio,omitempty"`        // Value / BesideValue
	Note        string   `json:"note,omitempty"`
}

// with returns the line with a value to compare with.
func (l line) with(beside string, value float64) line {
	l.Beside, l.BesideValue = beside, &value
	if value != 0 {
		ratio := l.Value / value
		l.Ratio = &ratio
	}
	return l
}

// fault is a figure that could not be measured.
type fault struct {
	Figure string `json:"figure"`
	Error  string `json:"error"`
}

// setting is something that was chosen, as a person reads it.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// report is what a run found out. Goroutines may share it.
type report struct {
	mu    sync.Mutex // guards what follows
	body  body
	peaks []peak
}

type body struct {
	StartedAt time.Time          `json:"started_at"`
	TookS     float64            `json:"took_s"`
	Whole     bool               `json:"whole"` // every figure was measured
	Machine   machine            `json:"machine"`
	Settings  []setting          `json:"settings"`
	Lines     []line             `json:"figures"`
	Faults    []fault            `json:"faults"`
	Seconds   map[string]float64 `json:"seconds"` // that each figure took, its preparation included
}

func newReport() *report {
	return &report{body: body{
		StartedAt: time.Now().UTC(), Lines: []line{}, Faults: []fault{}, Seconds: map[string]float64{},
	}}
}

func (r *report) describe(m machine, s []setting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.body.Machine, r.body.Settings = m, s
}

func (r *report) add(lines ...line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.body.Lines = append(r.body.Lines, lines...)
}

func (r *report) fault(figure string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.body.Faults = append(r.body.Faults, fault{figure, err.Error()})
}

func (r *report) took(figure string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.body.Seconds[figure] = d.Seconds()
}

// close ends the run. Its error says that the report is not whole.
func (r *report) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.body.Lines = append(r.body.Lines, r.peakLines()...)
	r.peaks = nil
	r.body.TookS = time.Since(r.body.StartedAt).Seconds()
	r.body.Whole = len(r.body.Faults) == 0
	if !r.body.Whole {
		return errNotWhole
	}
	return nil
}

func (r *report) whole() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.body.Faults) == 0
}

func (r *report) writeJSON(w io.Writer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r.body); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *report) writeFile(name string) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("make folder of the report: %w", err)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make report: %w", err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	return r.writeJSON(f)
}
