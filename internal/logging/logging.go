// Package logging knows how a process writes its log: format, level, the
// attributes that follow a request or a record through its context, and what is
// taken out of every line. It does not decide what is logged.
package logging

import (
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
)

// The keys of attributes that many lines carry. Operators search for them; do
// not rename.
const (
	Module    = "module"
	SessionID = "session_id"
	RecordID  = "record_id"
	Instance  = "instance" // its name
	Worker    = "worker"   // the id of the worker process
	Err       = "err"
	Stack     = "stack"
)

// Format is how lines look. Operators set it; do not rename.
type Format string

// The formats. The zero value is Auto.
const (
	Auto Format = "auto" // Tint on a terminal, JSON elsewhere
	Tint Format = "tint" // for eyes; coloured on a terminal
	JSON Format = "json" // one object per line
)

// New returns a logger that writes lines of at least level to w. A line that w
// does not take is lost and nothing else happens; the process must ignore
// SIGPIPE for that to hold on a closed pipe. Goroutines may share the logger.
func New(w io.Writer, format Format, level slog.Leveler) *slog.Logger {
	terminal := isTerminal(w)
	if format == Tint || format != JSON && terminal {
		return slog.New(handler{tint.NewTextHandler(w, &tint.Options{
			Level: level, ReplaceAttr: redact, TimeFormat: time.TimeOnly, NoColor: !terminal,
		})})
	}
	return slog.New(handler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: redact})})
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

const maxStackBytes = 16 << 10

// StackAttr returns the calling goroutine's stack, cut to 16 KiB. Call it in the
// function that recovers, so that the frames of the panic are still there.
func StackAttr() slog.Attr {
	stack := debug.Stack()
	return slog.String(Stack, string(stack[:min(len(stack), maxStackBytes)]))
}
