package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[len(hundred)-1-i] = time.Duration(i + 1)
	}
	for name, c := range map[string]struct {
		values []time.Duration
		p      float64
		want   time.Duration
	}{
		"none":               {nil, 0.5, 0},
		"one":                {[]time.Duration{7}, 0.99, 7},
		"median of three":    {[]time.Duration{9, 1, 5}, 0.5, 5},
		"median of four":     {[]time.Duration{4, 3, 2, 1}, 0.5, 2},
		"p99 of a hundred":   {hundred, 0.99, 99},
		"p95 of a hundred":   {hundred, 0.95, 95},
		"all of a hundred":   {hundred, 1, 100},
		"least of a hundred": {hundred, 0, 1},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestAmountKeepsThreeDigits(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{
		0: "0 x", 0.0123: "0.012 x", 0.123: "0.123 x", 1.234: "1.23 x", 12.34: "12.3 x", 123.4: "123 x",
		1234.5: "1234 x", 12345: "12,345 x", 1234567: "1,234,567 x", -12.34: "-12.3 x",
	} {
		if got := amount(value, "x"); got != want {
			t.Errorf("%g is %q, want %q", value, got, want)
		}
	}
}

func sample() *report {
	r := newReport()
	r.describe(machine{CPU: "some processor", Cores: 2, Asynq: "v0.26.0"}, []setting{{"network", "loopback"}})
	r.add(
		line{Figure: "noop", Case: "1 worker", Value: 500, Unit: "records/s"}.with("bare tasks/s", 1000),
		line{Figure: "noop", Case: "statements", Value: 2.3, Unit: "/record"})
	r.notePeak(peak{"noop", "api", 10 << 20})
	r.notePeak(peak{"noop", "api", 30 << 20})
	r.notePeak(peak{"noop", "api", 20 << 20})
	r.fault("get", errors.Join(errors.New("no answer"), errors.New("nor another")))
	return r
}

func TestTableHasFiguresBesideAndFaults(t *testing.T) {
	t.Parallel()
	r := sample()
	if err := r.close(); !errors.Is(err, errNotWhole) {
		t.Errorf("a report with a fault is closed with %v", err)
	}
	var b strings.Builder
	if err := r.writeTable(&b); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"some processor, 2 cores", "network loopback", "noop 1 worker 500 records/s 1000 records/s bare tasks/s 0.50",
		"statements 2.30 /record –", "memory noop: api 30.0 MB", "get FAILED: no answer get FAILED: nor another",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}

func TestJSONHasWhatTheTableHas(t *testing.T) {
	t.Parallel()
	r := sample()
	_ = r.close() // the table's test looks at it
	var b strings.Builder
	if err := r.writeJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got body
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Whole || len(got.Lines) != 3 || got.Machine.Asynq != "v0.26.0" || len(got.Faults) != 1 {
		t.Errorf("got %+v", got)
	}
	if l := got.Lines[0]; l.Ratio == nil || *l.Ratio != 0.5 || *l.BesideValue != 1000 {
		t.Errorf("got %+v", l)
	}
}

func TestCPUIn(t *testing.T) {
	t.Parallel()
	for stat, want := range map[string]time.Duration{
		"7 (a) b) S 1 7 7 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 9 0 1 1 1": 3 * time.Second,
		"7 (short) S 1": 0,
		"":              0,
	} {
		if got := cpuIn(stat); got != want {
			t.Errorf("%q is %s, want %s", stat, got, want)
		}
	}
}

func TestVersionIn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)": "10.11.14",
		"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=3b3b":       "7.0.15",
		"something else": "unknown",
	} {
		if got := versionIn(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
