package httpserver

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

const (
	realm  = `Basic realm="dbfleet: an operator's token as the password", charset="UTF-8"`
	howTo  = "Log in with any user name and, as the password, the token of an operator or admin (dbfleet token create)."
	maxLog = 200 // bytes of a path in the log
)

// mayLook reports whether the request comes from an operator or admin, and
// answers it otherwise. A browser asks first without a password: that is no
// failed login.
func (m *Monitor) mayLook(w http.ResponseWriter, r *http.Request, requestID string) bool {
	_, password, _ := r.BasicAuth()
	if password == "" {
		m.askForLogin(w, r, howTo)
		return false
	}
	address := m.address(r)
	who, err := authenticate(r.Context(), m.cfg.Users, m.cfg.Limiter, address, secret.New(password))
	var tooMany *tooManyError
	switch {
	case errors.As(err, &tooMany):
		w.Header().Set("Retry-After", strconv.Itoa(tooMany.seconds()))
		m.turnAway(w, r, http.StatusTooManyRequests,
			fmt.Sprintf("Too many requests, or too many failed logins from your address: wait %d seconds.", tooMany.seconds()))
		return false
	case errors.Is(err, user.ErrBadToken):
		m.askForLogin(w, r, "The token is not valid: it is mistyped, revoked or expired. "+howTo)
		return false
	case err != nil:
		m.fail(w, r, err)
		return false
	case !who.Role.Includes(user.Operator):
		m.deny(w, r, user.Actor{User: who, RequestID: requestID, RemoteAddr: address})
		return false
	}
	return true
}

func (m *Monitor) askForLogin(w http.ResponseWriter, r *http.Request, text string) {
	w.Header().Set("WWW-Authenticate", realm)
	m.turnAway(w, r, http.StatusUnauthorized, text)
}

// deny refuses a user whose role is not enough, and keeps that in the audit
// trail.
func (m *Monitor) deny(w http.ResponseWriter, r *http.Request, who user.Actor) {
	err := m.cfg.Auditor.Audit(user.WithActor(r.Context(), who), user.Event{
		Action: "request.denied", ObjectType: "route", ObjectID: queuesRoot, Outcome: user.Denied,
		Detail: map[string]any{"path": cutPath(r), "role": who.Role, "needed": user.Operator},
	})
	if err != nil {
		m.fail(w, r, err)
		return
	}
	m.turnAway(w, r, http.StatusForbidden,
		fmt.Sprintf("Your role is %s, and operator is needed. An admin can change it: dbfleet user role.", who.Role), slog.Int64("user", int64(who.ID)))
}

// turnAway refuses a request with a text that says what to do, and one line in
// the log.
func (m *Monitor) turnAway(w http.ResponseWriter, r *http.Request, status int, text string, more ...slog.Attr) {
	m.cfg.Log.LogAttrs(r.Context(), slog.LevelInfo, "monitor request refused", append([]slog.Attr{
		slog.Int("status", status), slog.String("method", r.Method), slog.String("path", cutPath(r)),
		slog.String("remote_addr", m.address(r)),
	}, more...)...)
	http.Error(w, text, status)
}

// cutPath is the path as it was sent, for log and audit trail.
func cutPath(r *http.Request) string {
	sent := r.URL.EscapedPath()
	return sent[:min(len(sent), maxLog)]
}

// fail answers what is not the caller's fault, and logs it.
func (m *Monitor) fail(w http.ResponseWriter, r *http.Request, err error) {
	m.cfg.Log.ErrorContext(r.Context(), "monitor request failed", "err", err)
	if isAway(err) || m.cfg.Unavailable(err) {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "The database cannot be asked now: reload in some seconds; /readyz says what is missing.", http.StatusServiceUnavailable)
		return
	}
	http.Error(w, "Internal error: the log of the api has the reason.", http.StatusInternalServerError)
}
