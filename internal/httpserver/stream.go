package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

var (
	// errClosing ends the streams of a server that stops.
	errClosing = errors.New("the server stops")
	// errTokenEnded ends a stream whose user may not read it any more.
	errTokenEnded = errors.New("the token or the role of the stream's user holds no more")
)

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

// whileTokenHolds calls next for a stream of a user who has not too many, and
// ends its context once its token is not valid any more or its user's role not
// enough.
func (s *Server) whileTokenHolds(next echo.HandlerFunc, c echo.Context, token secret.Text) error {
	ctx := c.Request().Context()
	leave, err := s.cfg.Limiter.openStream(user.ActorFrom(ctx).ID)
	if err != nil {
		return err
	}
	defer leave()
	hash, err := user.HashToken(token)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	needed := s.accessTo(c).role
	var watched sync.WaitGroup
	watched.Go(func() { s.watchToken(ctx, end, hash, needed) })
	defer watched.Wait()
	defer end(context.Canceled)
	setContext(ctx, c)
	return next(c)
}

// watchToken looks at a token again and again until ctx ends, and ends it when
// the answer is no. While nobody can be asked the stream goes on.
func (s *Server) watchToken(ctx context.Context, end context.CancelCauseFunc, hash user.Hash, needed user.Role) {
	tick := time.NewTicker(s.cfg.Timeouts.token())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		holds, err := s.holds(ctx, hash, needed)
		switch {
		case err != nil && ctx.Err() == nil:
			s.cfg.Log.DebugContext(ctx, "token of a stream not looked at", "err", err) // the next tick tries again
		case err == nil && !holds:
			end(errTokenEnded)
		}
	}
}

func (s *Server) holds(ctx context.Context, hash user.Hash, needed user.Role) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, loginTimeout, fmt.Errorf("look at a token again: over %s", loginTimeout))
	defer cancel()
	who, err := s.cfg.Users.Authenticate(ctx, hash)
	if errors.Is(err, user.ErrBadToken) {
		return false, nil
	}
	return who.Role.Includes(needed), err
}
