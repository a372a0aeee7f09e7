package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// printer writes to one stream and keeps the first error of it.
type printer struct {
	w    io.Writer
	err  error
	only bool // nothing is written but by csv
}

// write writes text as it is.
func (p *printer) write(text string) {
	if p.err == nil && !p.only {
		_, p.err = io.WriteString(p.w, text)
	}
}

// csv writes the one text that a printer of CSV lets through.
func (p *printer) csv(text string) {
	p.only = false
	p.write(text)
	p.only = true
}

// printf is fmt.Fprintf with every text among args made safe to show.
func (p *printer) printf(format string, args ...any) {
	shown := make([]any, len(args))
	for i, arg := range args {
		shown[i] = safeArg(arg)
	}
	p.write(fmt.Sprintf(format, shown...))
}

// json writes v as one JSON document and a line feed.
func (p *printer) json(v any) {
	if raw, ok := v.(json.RawMessage); ok {
		p.write(strings.TrimSpace(string(raw)) + "\n")
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		p.err = fmt.Errorf("encode answer: %w", err)
		return
	}
	p.write(string(text) + "\n")
}

func safeArg(arg any) any {
	if err, ok := arg.(error); ok {
		return safe(err.Error())
	}
	if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
		return safe(v.String())
	}
	return arg
}

// safe returns s with everything escaped that a terminal would not show as a
// character: control, direction and format characters, broken UTF-8.
func safe(s string) string {
	if isSafe(s) {
		return s
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		writeSafe(&b, r, rest[:size])
		rest = rest[size:]
	}
	return b.String()
}

func isSafe(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) })
}

func writeSafe(b *strings.Builder, r rune, text string) {
	switch {
	case r == utf8.RuneError && len(text) == 1:
		fmt.Fprintf(b, `\x%02X`, text[0])
	case unicode.IsGraphic(r):
		b.WriteRune(r)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\t':
		b.WriteString(`\t`)
	case r > 0xFFFF:
		fmt.Fprintf(b, `\U%08X`, r)
	default:
		fmt.Fprintf(b, `\u%04X`, r)
	}
}

// when shows a time in the user's zone; "-" when there is none.
func (a *app) when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.In(a.zone).Format("2006-01-02 15:04:05Z07:00")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// orDash makes an empty cell visible.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// thousands groups digits: 5120 is 5,120.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// span shows a duration with as much detail as helps.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func milliseconds(ms *int64) string {
	if ms == nil {
		return "-"
	}
	return span(time.Duration(*ms) * time.Millisecond)
}
