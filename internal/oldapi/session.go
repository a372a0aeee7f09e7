package oldapi

import (
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/session"
)

// list answers with the newest sessions that the filters let through.
func (a *API) list(c echo.Context) error {
	ctx := c.Request().Context()
	view, err := a.shown(ctx)
	if err != nil {
		return err
	}
	var list []session.Session
	total := 0
	if wanted, found := choice(c.QueryParams()); found {
		if list, total, err = a.Sessions.NewestSessions(ctx, wanted, limit(c.QueryParam("limit"))); err != nil {
			return err
		}
	}
	return send(c, http.StatusOK, struct {
		Success bool         `json:"success"`
		Data    []oldSession `json:"data"`
		Total   int          `json:"total"`
	}{true, view.sessions(list), total})
}

// detail answers with one session and its records.
func (a *API) detail(c echo.Context) error {
	ctx := c.Request().Context()
	view, err := a.shown(ctx)
	if err != nil {
		return err
	}
	s, err := a.session(c)
	if err != nil {
		return err
	}
	records, err := a.Sessions.WorstRecords(ctx, s.ID, session.RecordStatuses(), mostRecords)
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, answer{true, oldDetail{view.session(s), view.records(records), progress(s)}})
}

// errorLogs answers with the records that failed.
func (a *API) errorLogs(c echo.Context) error {
	ctx := c.Request().Context()
	view, err := a.shown(ctx)
	if err != nil {
		return err
	}
	s, err := a.session(c)
	if err != nil {
		return err
	}
	records, err := a.Sessions.WorstRecords(ctx, s.ID, []session.RecordStatus{session.RecordFailed}, mostRecords)
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, answer{true, struct {
		Session oldSession  `json:"session"`
		Records []oldRecord `json:"error_records"`
		Count   int         `json:"error_count"`
	}{view.session(s), view.records(records), max(s.Counts.Failed, len(records))}}) // one may have failed in between
}

// cancel cancels a session as the new API does.
func (a *API) cancel(c echo.Context) error {
	id, err := sessionID(c)
	if err == nil {
		_, err = a.Sessions.CancelSession(c.Request().Context(), id)
	}
	switch {
	case errors.Is(err, session.ErrNotFound), errors.Is(err, session.ErrFinished):
		return send(c, http.StatusBadRequest, said{false, "取消会话失败，会话不存在或已结束"})
	case err != nil:
		return err
	}
	return send(c, http.StatusOK, said{true, "会话已取消"})
}

// session reads the session that the path names.
func (a *API) session(c echo.Context) (session.Session, error) {
	id, err := sessionID(c)
	if err != nil {
		return session.Session{}, err
	}
	return a.Sessions.Session(c.Request().Context(), id)
}

// sessionID returns session.ErrNotFound for what cannot be an id.
func sessionID(c echo.Context) (session.ID, error) {
	const length = 36
	text := c.Param("session_id")
	id, err := uuid.Parse(text)
	if err != nil || len(text) != length {
		return session.ID{}, session.ErrNotFound
	}
	return id, nil
}
