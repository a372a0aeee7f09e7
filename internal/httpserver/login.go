package httpserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

var (
	// errNoToken refuses a request without a bearer token.
	errNoToken = errors.New("no token")
	// errForbidden refuses a user whose role is not enough.
	errForbidden = errors.New("forbidden")
)

// login finds the user of the request's token and puts the actor into the
// context. A public route, and what no route matches, needs none. Nothing is remembered: a revoked token or another role counts from
// the next request on.
func (s *Server) login(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.accessTo(c).public || s.unmatched(c) {
			return next(c)
		}
		scheme, token, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return errNoToken
		}
		who, err := authenticate(c.Request().Context(), s.cfg.Users, s.cfg.Limiter, c.RealIP(), secret.New(strings.TrimSpace(token)))
		if err != nil {
			return err
		}
		actor := user.Actor{User: who, RequestID: idOf(c), RemoteAddr: c.RealIP()}
		setContext(user.WithActor(c.Request().Context(), actor), c)
		return next(c)
	}
}

// authenticate finds the user of a token that was sent from address, at the pace
// that the limiter allows. Errors: user.ErrBadToken, *tooManyError.
func authenticate(ctx context.Context, users Users, limits *Limiter, address string, token secret.Text) (user.User, error) {
	hash, formErr := user.HashToken(token)
	if err := limits.admit(hash, address); err != nil {
		return user.User{}, err
	}
	if formErr != nil {
		limits.failed(hash, address)
		return user.User{}, formErr
	}
	ctx, cancel := context.WithTimeoutCause(ctx, loginTimeout, fmt.Errorf("authenticate: over %s", loginTimeout))
	defer cancel()
	who, err := users.Authenticate(ctx, hash)
	switch {
	case err == nil:
		limits.passed(hash)
	case errors.Is(err, user.ErrBadToken):
		limits.failed(hash, address)
	}
	return who, err
}

// accessTo is what was declared for the route that the request matches; the zero
// value for none.
func (s *Server) accessTo(c echo.Context) access {
	return s.allowed[Route{c.Request().Method, c.Path()}]
}

// permit lets a request pass when its user's role is enough. What no route
// matches passes too, to be answered 404 or 405.
func (s *Server) permit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		needed := s.accessTo(c)
		ctx := c.Request().Context()
		if needed.public || s.unmatched(c) || user.ActorFrom(ctx).Role.Includes(needed.role) {
			return next(c)
		}
		err := s.cfg.Auditor.Audit(ctx, user.Event{
			Action: "request.denied", ObjectType: "route", ObjectID: c.Request().Method + " " + c.Path(), Outcome: user.Denied,
			Detail: map[string]any{"path": c.Request().URL.EscapedPath(), "role": user.ActorFrom(ctx).Role, "needed": needed.role},
		})
		if err != nil {
			return err
		}
		return errForbidden
	}
}

// unmatched reports whether the router found no route for the request.
func (s *Server) unmatched(c echo.Context) bool {
	if _, declared := s.allowed[Route{c.Request().Method, c.Path()}]; declared {
		return false
	}
	return !slices.ContainsFunc(s.echo.Routes(), func(r *echo.Route) bool {
		return r.Method == c.Request().Method && r.Path == c.Path()
	})
}
