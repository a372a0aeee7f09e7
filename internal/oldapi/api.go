package oldapi

import (
	"context"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Base is the path before every route.
const Base = "/sync_sessions/api"

// Sessions is the session service. Errors are those of package session.
type Sessions interface {
	NewestSessions(ctx context.Context, c session.Choice, limit int) (list []session.Session, matching int, err error)
	Session(ctx context.Context, id session.ID) (session.Session, error)
	WorstRecords(ctx context.Context, id session.ID, states []session.RecordStatus, limit int) ([]session.Record, error)
	TallySessions(ctx context.Context) ([]session.Tally, error)
	CancelSession(ctx context.Context, id session.ID) (session.Session, error)
}

// Router is where routes are registered: *httpserver.Server.
type Router interface {
	Echo() *echo.Echo
	Allow(method, path string, least user.Role)
	ReplyBelow(prefix string, write func(c echo.Context, status int, code string) error)
}

// API answers the old routes. Both fields are required.
type API struct {
	Sessions Sessions
	Settings func(context.Context) (setting.Settings, error) // for the time zone
}

// Register adds every route to r with the role that it needs, and the form of
// the errors on all of them.
func (a *API) Register(r Router) {
	r.ReplyBelow(Base+"/", reply)
	for _, route := range []struct {
		method, path string
		least        user.Role
		handle       echo.HandlerFunc
	}{
		{echo.GET, "/sessions", user.Viewer, a.list},
		{echo.GET, "/sessions/:session_id", user.Viewer, a.detail},
		{echo.POST, "/sessions/:session_id/cancel", user.Operator, a.cancel},
		{echo.GET, "/sessions/:session_id/error-logs", user.Viewer, a.errorLogs},
		{echo.GET, "/statistics", user.Viewer, a.statistics},
	} {
		r.Allow(route.method, Base+route.path, route.least)
		r.Echo().Add(route.method, Base+route.path, route.handle)
	}
}

// shown returns what writes sessions and records on the clock of the
// configured zone.
func (a *API) shown(ctx context.Context) (view, error) {
	set, err := a.Settings(ctx)
	if err != nil {
		return view{}, fmt.Errorf("read the time zone: %w", err)
	}
	zone, err := time.LoadLocation(set.TimeZone)
	if err != nil {
		return view{}, fmt.Errorf("load the time zone: %w", err)
	}
	return view{zone: zone}, nil
}
