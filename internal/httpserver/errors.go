package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/user"
)

// kind is what a class of errors looks like to the caller. Codes are a promise;
// do not rename.
type kind struct {
	status int
	code   string
	title  string
}

// errorKind is one line of the table.
type errorKind struct {
	err  error
	kind kind
}

// errorKinds is the table that turns the errors of the domain into answers.
// The text of these errors is shown.
func errorKinds() []errorKind {
	return []errorKind{
		{errNoToken, kind{http.StatusUnauthorized, "unauthorized", "A bearer token is needed"}},
		{user.ErrBadToken, kind{http.StatusUnauthorized, "unauthorized", "The token is not valid"}},
		{errForbidden, kind{http.StatusForbidden, "forbidden", "The user's role is not enough"}},
		{session.ErrNotFound, kind{http.StatusNotFound, "session_not_found", "No such session"}},
		{session.ErrRecordNotFound, kind{http.StatusNotFound, "record_not_found", "No such record in this session"}},
		{session.ErrFinished, kind{http.StatusConflict, "already_finished", "It has already ended"}},
		{session.ErrRunning, kind{http.StatusConflict, "session_running", "The session has not ended yet"}},
		{session.ErrEmptySelection, kind{http.StatusUnprocessableEntity, "empty_selection", "No active instance is selected"}},
		{session.ErrNotServed, kind{http.StatusUnprocessableEntity, "category_not_served", "No selected engine serves the category"}},
		{session.ErrIdempotencyMismatch, kind{http.StatusUnprocessableEntity, "idempotency_mismatch", "The Idempotency-Key belongs to another request"}},
		{fleet.ErrInstanceNotFound, kind{http.StatusNotFound, "instance_not_found", "No such instance"}},
		{fleet.ErrCredentialNotFound, kind{http.StatusNotFound, "credential_not_found", "No such credential"}},
		{fleet.ErrCredentialInUse, kind{http.StatusConflict, "credential_in_use", "An instance still uses the credential"}},
		{fleet.ErrNotDeleted, kind{http.StatusConflict, "instance_not_deleted", "The instance is not removed"}},
		{fleet.ErrKeyRetired, kind{http.StatusInternalServerError, "key_retired", "The api seals for a retired key: it needs the current DBFLEET_PUBLIC_KEY"}},
		{fleet.ErrNameTaken, kind{http.StatusConflict, "name_taken", "The name is taken"}},
		{account.ErrNotFound, kind{http.StatusNotFound, "account_not_found", "No such account"}},
		{account.ErrNotThere, kind{http.StatusNotFound, "account_not_there", "The account was not on its server at that time"}},
		{account.ErrHoldNotFound, kind{http.StatusNotFound, "hold_not_found", "No such hold"}},
		{account.ErrHoldDecided, kind{http.StatusConflict, "hold_decided", "The hold is decided already"}},
		{schedule.ErrNotFound, kind{http.StatusNotFound, "schedule_not_found", "No such schedule"}},
		{schedule.ErrNameTaken, kind{http.StatusConflict, "name_taken", "The name is taken"}},
		{schedule.ErrRunning, kind{http.StatusConflict, "schedule_running", "A session of the schedule is still running"}},
		{schedule.ErrWaiting, kind{http.StatusConflict, "schedule_waiting", "A fire of the schedule waits already"}},
		{user.ErrNotFound, kind{http.StatusNotFound, "user_not_found", "No such user"}},
		{user.ErrTokenNotFound, kind{http.StatusNotFound, "token_not_found", "No such token"}},
		{user.ErrNameTaken, kind{http.StatusConflict, "name_taken", "The name is taken"}},
		{user.ErrLastAdmin, kind{http.StatusConflict, "last_admin", "No other admin could log in"}},
		{user.ErrDisabled, kind{http.StatusConflict, "user_disabled", "The user is disabled"}},
		{setting.ErrNotFound, kind{http.StatusNotFound, "setting_not_found", "No such setting"}},
	}
}

// plainKinds is the table of what is told apart by type or place instead of by
// sentinel.
func plainKinds() []kind {
	return []kind{
		{http.StatusBadRequest, "invalid_request", "The request has not the form that the API describes"},
		{http.StatusNotFound, "not_found", "No such path"},
		{http.StatusMethodNotAllowed, "method_not_allowed", "The path has no such method"},
		{http.StatusRequestTimeout, "request_timeout", "The request did not arrive in time"},
		{http.StatusRequestEntityTooLarge, "too_large", "The body is over 1 MiB"},
		{http.StatusRequestURITooLong, "uri_too_long", "Path and query are over 8 KiB"},
		{http.StatusUnsupportedMediaType, "unsupported_media_type", "The body is not of the type that the operation takes"},
		{http.StatusUnprocessableEntity, "invalid_value", "A value cannot be accepted"},
		{http.StatusTooManyRequests, "rate_limited", "Too many requests"},
		{http.StatusRequestHeaderFieldsTooLarge, "header_too_large", "The header is over 64 KiB"},
		{http.StatusInternalServerError, "internal", "Internal error"},
		{http.StatusNotImplemented, "not_implemented", "The transfer encoding is not known"},
		{http.StatusServiceUnavailable, "unavailable", "The database cannot be asked now"},
		{http.StatusGatewayTimeout, "timed_out", "The work on the request took too long and was given up"},
		{http.StatusHTTPVersionNotSupported, "http_version", "The version of HTTP is not known"},
	}
}

// plainKind finds the line of a status. Everything unknown is an internal error.
func plainKind(status int) kind {
	for _, k := range plainKinds() {
		if k.status == status {
			return k
		}
	}
	return kind{http.StatusInternalServerError, "internal", "Internal error"}
}

// Codes lists every code that an answer may carry.
func Codes() []string {
	var codes []string
	for _, k := range plainKinds() {
		codes = append(codes, k.code)
	}
	for _, row := range errorKinds() {
		codes = append(codes, row.kind.code)
	}
	return codes
}

// problem is the document of RFC 9457 that every error is answered with.
type problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail,omitempty"`
	Code      string       `json:"code"`
	Field     string       `json:"field,omitempty"`
	Errors    []fieldError `json:"errors,omitempty"`
	RequestID string       `json:"request_id"`
}

type fieldError struct {
	Line   int    `json:"line,omitempty"`
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// answerError writes the problem for err. What the caller cannot change is
// logged here, once, and answered without its text.
func (s *Server) answerError(err error, c echo.Context) {
	ctx := c.Request().Context()
	if c.Response().Committed {
		s.cfg.Log.InfoContext(ctx, "answer broken off", "route", c.Path(), "err", err)
		panic(http.ErrAbortHandler) // or the caller would take what it has for the whole
	}
	k := s.kindOf(ctx, err)
	switch {
	case errors.Is(err, errPanicked), errors.Is(ctx.Err(), context.Canceled):
		// logged already; nobody is left to answer
	case k.status == http.StatusInternalServerError:
		s.cfg.Log.ErrorContext(ctx, "request failed", "route", c.Path(), "err", err)
	case k.status == http.StatusServiceUnavailable:
		s.cfg.Log.WarnContext(ctx, "database away", "route", c.Path(), "err", err, "cause", context.Cause(ctx))
	case k.status == http.StatusGatewayTimeout:
		s.cfg.Log.WarnContext(ctx, "request took too long", "route", c.Path(), "err", err, "cause", context.Cause(ctx))
	}
	setErrorHeaders(c.Response().Header(), k, err)
	if err := s.reply(c, describe(k, err, idOf(c))); err != nil {
		s.cfg.Log.DebugContext(ctx, "problem not sent", "err", err)
	}
}

func setErrorHeaders(h http.Header, k kind, err error) {
	var tooMany *tooManyError
	if errors.As(err, &tooMany) {
		h.Set(echo.HeaderRetryAfter, strconv.Itoa(tooMany.seconds()))
	}
	switch k.status {
	case http.StatusUnauthorized:
		h.Set(echo.HeaderWWWAuthenticate, `Bearer realm="dbfleet"`)
	case http.StatusServiceUnavailable:
		h.Set(echo.HeaderRetryAfter, strconv.Itoa(retryAfterSeconds))
	}
}

const (
	retryAfterSeconds = 5
	problemType       = "application/problem+json"
)

func writeProblem(c echo.Context, p problem) error {
	c.Response().Header().Set(echo.HeaderContentType, problemType)
	c.Response().WriteHeader(p.Status)
	return c.Echo().JSONSerializer.Serialize(c, p, "")
}

// maxReasons bounds what the detail repeats of the errors.
const maxReasons = 20

// describe fills the document. Only errors made for the caller show their text.
func describe(k kind, err error, requestID string) problem {
	p := problem{Type: "urn:dbfleet:problem:" + k.code, Title: k.title, Status: k.status, Code: k.code, RequestID: requestID}
	if k.status >= http.StatusInternalServerError {
		return p
	}
	var reasons []string
	for _, fault := range invalid.All(err) {
		p.Errors = append(p.Errors, fieldError{fault.Line, fault.Field, fault.Reason})
		if len(reasons) < maxReasons {
			reasons = append(reasons, fault.Error())
		}
	}
	p.Detail = strings.Join(reasons, "; ")
	if rest := len(p.Errors) - len(reasons); rest > 0 {
		p.Detail += fmt.Sprintf("; and %d more", rest)
	}
	if len(p.Errors) > 0 {
		p.Field = p.Errors[0].Field
	}
	return p
}

func (s *Server) kindOf(ctx context.Context, err error) kind {
	for _, row := range errorKinds() {
		if errors.Is(err, row.err) {
			return row.kind
		}
	}
	var tooLarge *http.MaxBytesError
	var tooMany *tooManyError
	var made *echo.HTTPError // by Echo, or by package httpapi: a 400 around *invalid.Error
	var fault *invalid.Error
	switch {
	case errors.As(err, &tooLarge):
		k := plainKind(http.StatusRequestEntityTooLarge)
		k.title = fmt.Sprintf("The body is over %d MiB", tooLarge.Limit>>20)
		return k
	case errors.As(err, &tooMany):
		k := plainKind(http.StatusTooManyRequests)
		k.title = tooMany.title()
		return k
	case errors.As(err, &made):
		return plainKind(made.Code)
	case errors.As(err, &fault):
		return plainKind(http.StatusUnprocessableEntity)
	case s.isLate(ctx, err):
		return plainKind(http.StatusGatewayTimeout)
	case isAway(err), s.cfg.Unavailable(err):
		return plainKind(http.StatusServiceUnavailable)
	}
	return plainKind(http.StatusInternalServerError)
}

// isLate reports whether err comes from our own limit of time for the work on
// the request, or from the database's for a statement: the same request would
// take as long again.
func (s *Server) isLate(ctx context.Context, err error) bool {
	if s.cfg.TimedOut != nil && s.cfg.TimedOut(err) {
		return true
	}
	return errors.Is(context.Cause(ctx), errOverTime) && (isAway(err) || s.cfg.Unavailable(err))
}

// isAway knows the errors of calls that had no time left; the store knows those
// of Postgres.
func isAway(err error) bool {
	return errors.Is(err, session.ErrAway) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
