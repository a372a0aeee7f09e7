package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/watch"
)

const (
	heartbeat    = 15 * time.Second // without an event, so that nobody takes the connection for dead
	longest      = 15 * time.Minute // of a stream, so that none is for ever
	eventTimeout = 10 * time.Second // for a client to take one event
)

// StreamSyncSession shows a session as it changes.
func (a *API) StreamSyncSession(ctx context.Context, r gen.StreamSyncSessionRequestObject) (gen.StreamSyncSessionResponseObject, error) {
	w := a.watch.Watch(ctx, r.SessionId)
	first, err := a.nextEvent(ctx, w)
	if err != nil {
		w.Close()
		return nil, err
	}
	known := value(r.Params.LastEventID)
	if first.last && known == first.id {
		w.Close()
		return gen.StreamSyncSession204Response{}, nil
	}
	return streamed(func(out http.ResponseWriter) error {
		defer w.Close()
		return a.stream(ctx, eventWriter{out, http.NewResponseController(out)}, w, first, known)
	}), nil
}

// streamed is an answer that writes itself.
type streamed func(http.ResponseWriter) error

// VisitStreamSyncSessionResponse implements gen.StreamSyncSessionResponseObject.
func (s streamed) VisitStreamSyncSessionResponse(w http.ResponseWriter) error { return s(w) }

// stream writes events until the last one, or until nobody can or shall read
// them any more, which is no error.
func (a *API) stream(ctx context.Context, out eventWriter, w *watch.Watcher, next event, known string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, longest, errLongest)
	defer cancel()
	if err := out.begin(); err != nil {
		return nil // the client has gone
	}
	for {
		if next.id == "" || next.id != known {
			if err := out.write(next); err != nil {
				return nil // the client has gone
			}
		}
		if next.last || ctx.Err() != nil {
			return nil
		}
		known = next.id
		var err error
		if next, err = a.nextOrHeartbeat(ctx, w); err != nil {
			_ = out.bound() // the end of the stream is written, too; without a client it need not be
			return nil      // the session or the client has gone, or the time is up
		}
	}
}

var (
	errLongest   = errors.New("the stream is as old as one may get")
	errHeartbeat = errors.New("time for a sign of life")
)

// nextOrHeartbeat returns the zero event when there was none for a while.
func (a *API) nextOrHeartbeat(ctx context.Context, w *watch.Watcher) (event, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, heartbeat, errHeartbeat)
	defer cancel()
	e, err := a.nextEvent(ctx, w)
	if errors.Is(err, errHeartbeat) {
		return event{}, nil
	}
	return e, err
}

// event is one server-sent event; the zero value is a comment. id is empty for
// what is not a state of the session.
type event struct {
	name, id string
	data     []byte // JSON without line feeds
	last     bool
}

func (a *API) nextEvent(ctx context.Context, w *watch.Watcher) (event, error) {
	state, err := w.Next(ctx)
	switch {
	case err != nil:
		return event{}, err
	case state.Away:
		return event{name: "unavailable", data: []byte(`{"code":"unavailable","title":"The database cannot be asked now"}`)}, nil
	}
	data, err := json.Marshal(toSession(state.Session))
	if err != nil {
		return event{}, fmt.Errorf("encode event: %w", err)
	}
	sum := sha256.Sum256(data)
	e := event{name: "session", id: hex.EncodeToString(sum[:8]), data: data, last: state.Session.Status.Terminal()}
	if e.last {
		e.name = "ended"
	}
	return e, nil
}

// eventWriter writes a stream of events.
type eventWriter struct {
	http.ResponseWriter

	connection *http.ResponseController
}

// begin sends the headers. The stream must reach the client as it is written:
// nothing on the way may compress or collect it.
func (w eventWriter) begin() error {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return w.connection.Flush()
}

// write sends one event, and fails when the client does not take it in time.
func (w eventWriter) write(e event) error {
	if err := w.bound(); err != nil {
		return err
	}
	text := ": still here\n\n"
	if e.name != "" {
		text = "event: " + e.name + "\n"
		if e.id != "" {
			text += "id: " + e.id + "\n"
		}
		text += "data: " + string(e.data) + "\n\n"
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return w.connection.Flush()
}

// bound gives the client eventTimeout from now on for what is written next,
// the end of the stream included.
func (w eventWriter) bound() error {
	err := w.connection.SetWriteDeadline(time.Now().Add(eventTimeout))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("bound an event: %w", err)
	}
	return nil
}
