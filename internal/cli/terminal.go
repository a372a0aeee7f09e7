package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

const usualWidth = 80 // of a terminal that does not tell

// terminalWidth returns the columns of the terminal that w is; 0 when it is none.
func terminalWidth(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil || columns <= 0 {
		return usualWidth
	}
	return columns
}

// live reports whether progress can be drawn in place.
func (a *app) live() bool { return a.width() > 0 && a.std.Env("TERM") != "dumb" }
