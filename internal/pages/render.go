package pages

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/dbfleet/dbfleet/internal/session"
)

//go:embed html
var files embed.FS

// parse reads the templates; a fault in them is a fault of the program.
func parse() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"when": when, "since": since, "millis": millis, "number": number, "short": short, "why": why,
	}).ParseFS(files, "html/*.html"))
}

func (h *Handler) render(ctx context.Context, w http.ResponseWriter, status int, a answer) {
	var page bytes.Buffer
	if err := h.templates.ExecuteTemplate(&page, a.template, a.view); err != nil {
		h.Log.ErrorContext(ctx, "page not made", "err", err)
		http.Error(w, "Internal error: the log of the api has the reason.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(visible(page.String()))) // the caller has gone: nobody is left to tell
}

func style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "html/style.css")
}

// visible writes out what a browser would not show as a character, such as a
// change of direction: names and errors come from servers that may be hostile.
func visible(page string) string {
	if strings.IndexFunc(page, hidden) < 0 {
		return page
	}
	var b strings.Builder
	for _, r := range page {
		if hidden(r) {
			fmt.Fprintf(&b, `\u%04X`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hidden(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsGraphic(r) }

// fail answers what went wrong and what to do; what is our own fault is logged.
func (h *Handler) fail(ctx context.Context, w http.ResponseWriter, err error) {
	status := http.StatusNotFound
	var f faultView
	switch {
	case errors.Is(err, errNoPage):
		f = faultView{"No such page", "There are /sessions, /sessions/ID and /records/NUMBER, and the queues at /monitoring/."}
	case errors.Is(err, errBadCategory):
		f = faultView{"No such category", "Choose one at /sessions."}
	case errors.Is(err, session.ErrNotFound):
		f = faultView{"No such session", "Its id may be cut off, or it was old and has been deleted. /sessions lists the newest."}
	case errors.Is(err, session.ErrRecordNotFound), errors.Is(err, errBadNumber):
		f = faultView{"No such record", "It may be of an old session that has been deleted. /sessions lists the newest."}
	case errors.Is(err, context.DeadlineExceeded), h.Unavailable(err):
		h.Log.WarnContext(ctx, "database away", "err", err, "cause", context.Cause(ctx))
		w.Header().Set("Retry-After", "5")
		status, f = http.StatusServiceUnavailable, faultView{"The database cannot be asked now", "Reload in some seconds; /readyz says what is missing."}
	default:
		h.Log.ErrorContext(ctx, "page not made", "err", err)
		status, f = http.StatusInternalServerError, faultView{"Internal error", "The log of the api has the reason."}
	}
	h.render(ctx, w, status, answer{template: "fault.html", view: f})
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func since(t time.Time) string { return span(time.Since(t)) }

func millis(d *time.Duration) string {
	if d == nil {
		return "–"
	}
	return span(*d)
}

// span shows a duration with as much detail as helps.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < 24*time.Hour:
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
