// Package pages shows sessions to somebody with a browser: what Asynqmon, which
// knows only tasks, leads to. It only reads, runs no script, and leaves the
// login to the server that it hangs in.
package pages

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/session"
)

// Sessions is what the pages need of Postgres.
type Sessions interface {
	NewestSessions(ctx context.Context, c session.Choice, limit int) ([]session.Session, int, error)
	Session(ctx context.Context, id session.ID) (session.Session, error)
	ErrorKinds(ctx context.Context, id session.ID) ([]session.ErrorKind, error)
	Records(ctx context.Context, id session.ID, f session.RecordFilter, p session.Page) ([]session.Record, session.Place, error)
	Record(ctx context.Context, id session.RecordID) (session.Record, error)
}

// Config is what the pages need. Every field is required.
type Config struct {
	Sessions Sessions
	Log      *slog.Logger
	// Unavailable tells the errors that say that Postgres is away.
	Unavailable func(error) bool
}

// Handler serves /sessions, /sessions/{id}, /records/{id} and their style.
// Goroutines may share it.
type Handler struct {
	Config

	mux       *http.ServeMux
	templates *template.Template
}

// What one page shows at most, and how long it may take.
const (
	maxSessions = 50
	maxRecords  = 100 // of each state
	maxKinds    = 20
	pageTime    = 10 * time.Second
)

// New returns the pages.
func New(cfg Config) *Handler {
	h := &Handler{Config: cfg, mux: http.NewServeMux(), templates: parse()}
	h.mux.HandleFunc("GET /sessions", h.page(h.list))
	h.mux.HandleFunc("GET /sessions/{id}", h.page(h.session))
	h.mux.HandleFunc("GET /records/{id}", h.page(h.record))
	h.mux.HandleFunc("GET /sessions.css", style)
	h.mux.HandleFunc("GET /", h.page(func(*http.Request) (answer, error) { return answer{}, errNoPage }))
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// answer is a template with what it shows, or another address.
type answer struct {
	template string
	view     any
	location string
}

var (
	errNoPage      = errors.New("no such page")
	errBadNumber   = errors.New("not the number of a record")
	errBadCategory = errors.New("no such category")
)

// policy lets a page load its style and nothing else.
const policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// page gives a page its deadline and headers, and turns its error into one.
func (h *Handler) page(answers func(*http.Request) (answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeoutCause(r.Context(), pageTime, fmt.Errorf("make a page: over %s", pageTime))
		defer cancel()
		w.Header().Set("Content-Security-Policy", policy)
		a, err := answers(r.WithContext(ctx))
		switch {
		case err != nil:
			h.fail(ctx, w, err)
		case a.location != "":
			http.Redirect(w, r, a.location, http.StatusFound)
		default:
			h.render(ctx, w, http.StatusOK, a)
		}
	}
}

func (h *Handler) list(r *http.Request) (answer, error) {
	var chosen []session.Category
	if name := r.URL.Query().Get("category"); name != "" {
		c := session.Category(name)
		if !slices.Contains(session.Categories(), c) {
			return answer{}, errBadCategory
		}
		chosen = []session.Category{c}
	}
	open, inAll, err := h.Sessions.NewestSessions(r.Context(), session.Choice{Categories: chosen, Statuses: states(false)}, maxSessions)
	if err != nil {
		return answer{}, err
	}
	ended, endedInAll, err := h.Sessions.NewestSessions(r.Context(), session.Choice{Categories: chosen, Statuses: states(true)}, maxSessions)
	if err != nil {
		return answer{}, err
	}
	return answer{template: "sessions.html", view: newList(chosen, open, inAll, ended, endedInAll)}, nil
}

// states are those of sessions that have ended, or have not.
func states(ended bool) []session.Status {
	return slices.DeleteFunc(session.Statuses(), func(s session.Status) bool { return s.Terminal() != ended })
}

func (h *Handler) session(r *http.Request) (answer, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return answer{}, session.ErrNotFound
	}
	ctx := r.Context()
	s, err := h.Sessions.Session(ctx, id)
	if err != nil {
		return answer{}, err
	}
	view := newView(s)
	if text := r.URL.Query().Get("record"); text != "" {
		if view.Asked, err = h.asked(ctx, id, text); err != nil {
			return answer{}, err
		}
	}
	if view.Running, view.MoreRunning, err = h.records(ctx, id, session.RecordRunning); err != nil {
		return answer{}, err
	}
	if view.Failed, view.MoreFailed, err = h.records(ctx, id, session.RecordFailed); err != nil {
		return answer{}, err
	}
	kinds, err := h.Sessions.ErrorKinds(ctx, id)
	if err != nil {
		return answer{}, err
	}
	view.MoreKinds = max(0, len(kinds)-maxKinds)
	view.Kinds = kinds[:min(len(kinds), maxKinds)]
	return answer{template: "session.html", view: view}, nil
}

// asked is the record that a link named.
func (h *Handler) asked(ctx context.Context, id session.ID, text string) (*session.Record, error) {
	record, err := h.numbered(ctx, text)
	if err == nil && record.SessionID != id {
		err = session.ErrRecordNotFound
	}
	return &record, err
}

func (h *Handler) records(ctx context.Context, id session.ID, status session.RecordStatus) (list []session.Record, more bool, err error) {
	list, next, err := h.Sessions.Records(ctx, id, session.RecordFilter{Status: []session.RecordStatus{status}}, session.Page{Limit: maxRecords})
	return list, next != (session.Place{}), err
}

// record leads from what a queue's payload names to the session that it is of.
func (h *Handler) record(r *http.Request) (answer, error) {
	record, err := h.numbered(r.Context(), r.PathValue("id"))
	if err != nil {
		return answer{}, err
	}
	return answer{location: fmt.Sprintf("/sessions/%s?record=%d#record-%d", record.SessionID, record.ID, record.ID)}, nil
}

func (h *Handler) numbered(ctx context.Context, text string) (session.Record, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return session.Record{}, errBadNumber
	}
	return h.Sessions.Record(ctx, session.RecordID(n))
}
