package cli

import "strings"

const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// coloured reports whether tables may have colours: on a terminal that knows
// them, unless the user wants none (no-color.org).
func (a *app) coloured() bool { return a.live() && a.std.Env("NO_COLOR") == "" }

// colourOf returns what is to be printed before a cell of that column; nothing
// for a cell that is as it should be. The words say the same without colours.
func colourOf(title, cell string) string {
	switch title {
	case "STATUS", "RESULT", "OUTCOME", "VERDICT":
	default:
		return ""
	}
	word, remark, _ := strings.Cut(cell, " ")
	switch {
	case word == "failed" || word == "fail":
		return red
	case word == "running" || word == "partial" || word == "warn" || remark == "(partial)":
		return yellow
	}
	return ""
}
