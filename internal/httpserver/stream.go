package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// errClosing ends the streams of a server that stops.
var errClosing = errors.New("the server stops")

// stream calls next without the limits of time that every other request has,
// until the client goes away or the server stops. A stream that waits for a
// client that does not read must bound its own writes.
func (s *Server) stream(next echo.HandlerFunc, c echo.Context) error {
	connection := http.NewResponseController(c.Response().Writer)
	err := errors.Join(connection.SetReadDeadline(time.Time{}), connection.SetWriteDeadline(time.Time{}))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("lift the limits of a stream: %w", err)
	}
	ctx, end := context.WithCancelCause(c.Request().Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-s.closing:
			end(errClosing)
		case <-ctx.Done():
		}
	}()
	defer func() {
		end(context.Canceled)
		<-ended
	}()
	setContext(ctx, c)
	return next(c)
}
