package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/client"
)

// display shows a session while it is watched.
type display interface {
	show(s client.SyncSession, waiting int) // for another attempt; 0 unless that is all there is to do
	note(string)                            // a remark beside it
	close()                                 // nothing more is shown
}

func (a *app) newDisplay() display {
	switch {
	case a.json:
		return silent{}
	case a.live():
		return &bar{app: a}
	}
	return &lines{app: a}
}

// silent shows nothing, so that Out holds one JSON document and Err at most one.
type silent struct{}

func (silent) show(client.SyncSession, int) {}
func (silent) note(string)                  {}
func (silent) close()                       {}

// bar redraws one line of a terminal.
type bar struct {
	app   *app
	drawn bool
}

const clearLine = "\r\x1b[K"

func (b *bar) show(s client.SyncSession, waiting int) {
	b.app.out.write(clearLine + barLine(s, waiting, b.app.width()))
	b.drawn = true
}

func (b *bar) note(text string) {
	b.close()
	b.app.err.printf("%s\n", text)
}

// close leaves the last line where it is.
func (b *bar) close() {
	if b.drawn {
		b.app.out.write("\n")
	}
	b.drawn = false
}

const lineEvery = 5 * time.Second

// lines prints one line at the start and for every new status, and otherwise
// at most one per lineEvery, when a number has changed.
type lines struct {
	app     *app
	status  client.SessionStatus // of the last line
	text    string
	printed time.Time
}

func (l *lines) show(s client.SyncSession, waiting int) {
	text, now := progressLine(s, waiting), l.app.now()
	if s.Status == l.status && (text == l.text || now.Sub(l.printed) < lineEvery) {
		return
	}
	l.app.out.printf("%s\n", text)
	l.status, l.text, l.printed = s.Status, text, now
}

func (l *lines) note(text string) { l.app.err.printf("%s\n", text) }

func (l *lines) close() {}

// progressLine says in full how far a session is. A partial result is stored
// with the status failed, which would read as if all had failed.
func progressLine(s client.SyncSession, waiting int) string {
	status := string(s.Status)
	if outcome(s) == string(client.SessionResultPartial) {
		status = "ended"
	}
	return status + ": " + strings.Join(figures(s, waiting), ", ")
}

// figures are what a line of progress says, the most important first.
func figures(s client.SyncSession, waiting int) []string {
	all := []string{fmt.Sprintf("%d/%d", settled(s.Counts), s.TotalInstances)}
	if s.Counts.Failed > 0 {
		all = append(all, fmt.Sprintf("%d failed", s.Counts.Failed))
	}
	if ended(s) {
		return all
	}
	if waiting > 0 {
		return append(all, fmt.Sprintf("%d waiting for another attempt", waiting))
	}
	if s.EtaSeconds != nil {
		all = append(all, "ETA "+eta(*s.EtaSeconds))
	}
	all = append(all, fmt.Sprintf("%d running", s.Counts.Running))
	if s.RatePerSecond != nil {
		all = append(all, fmt.Sprintf("%.1f/s", *s.RatePerSecond))
	}
	return all
}

func eta(seconds int64) string {
	return (time.Duration(seconds) * time.Second).String()
}

const (
	minBar = 10 // columns between the brackets; a smaller bar says nothing
	maxBar = 40
)

// barLine is one line of at most width-1 columns: a terminal would wrap a full
// one. What is less important is left out of a narrow one; the percentage and
// the bar stay as long as there is room.
func barLine(s client.SyncSession, waiting, width int) string {
	room := width - 1
	line := fmt.Sprintf("%3d%%", percent(s))
	if s.Status == client.SessionStatusCancelling {
		line = "cancelling " + line
	}
	barRoom := len(" []") + minBar
	for _, figure := range figures(s, waiting) {
		if columns(line)+len("  ")+columns(figure)+barRoom > room {
			break
		}
		line += "  " + figure
	}
	if size := min(room-columns(line)-len("[] "), maxBar); size >= minBar {
		return drawBar(s, size) + " " + line
	}
	return cut(line, max(room, 1))
}

func drawBar(s client.SyncSession, size int) string {
	full := size * percent(s) / 100
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", size-full) + "]"
}

// percent is rounded down, so that 100 means all.
func percent(s client.SyncSession) int {
	if s.TotalInstances <= 0 {
		return 100
	}
	return min(100, max(0, settled(s.Counts)*100/s.TotalInstances))
}
