package main

import "slices"

// peak is the most memory that one process of a kind needed.
type peak struct {
	of      string // figure, or case of one
	process string
	bytes   int64
}

// notePeak keeps the highest peak of each process of a case; 0 is not known.
func (r *report) notePeak(p peak) {
	if p.bytes == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.peaks, func(o peak) bool { return o.of == p.of && o.process == p.process })
	if i < 0 {
		r.peaks = append(r.peaks, p)
		return
	}
	r.peaks[i].bytes = max(r.peaks[i].bytes, p.bytes)
}

const mebibyte = 1 << 20

// peakLines needs r.mu.
func (r *report) peakLines() []line {
	lines := make([]line, len(r.peaks))
	for i, p := range r.peaks {
		lines[i] = line{
			Figure: "memory", Case: p.of + ": " + p.process, Value: float64(p.bytes) / mebibyte, Unit: "MB",
			Note: "peak, resident",
		}
	}
	return lines
}
