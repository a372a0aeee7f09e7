package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/client"
)

const silence = 45 * time.Second // of a stream, which gives a sign of life every 15 s

// events opens a session's stream. The channel is closed when the stream ends,
// which cancelling ctx makes it do.
func (c *api) events(ctx context.Context, id uuid.UUID) (<-chan client.Event, error) {
	resp, err := c.stream.StreamSyncSession(ctx, id, &client.StreamSyncSessionParams{}) //nolint:bodyclose // by whoever reads it, below
	if err != nil {
		return nil, fmt.Errorf("open the stream of events: %w", err)
	}
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		_ = resp.Body.Close() // it is of no use
		return nil, fmt.Errorf("open the stream of events: %s", resp.Status)
	}
	events := make(chan client.Event)
	go func() {
		defer close(events)
		defer func() { _ = resp.Body.Close() }() // was only read
		for e, err := range client.Events(resp.Body) {
			if err != nil {
				return
			}
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return events, nil
}

// follow shows what the session's stream tells until it breaks or the session
// has ended. It reports whether the stream is worth another try; why it broke,
// the next poll finds out.
func (w *watcher) follow(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	events, err := w.api.events(ctx, w.last.value.SessionId)
	if err != nil {
		cancel()
		return false
	}
	defer func() {
		cancel()
		for range events { // until its reader has ended
		}
	}()
	came := false
	look := time.NewTicker(slowestPoll)
	defer look.Stop()
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for !ended(w.last.value) {
		select {
		case e, ok := <-events:
			quiet.Reset(silence)
			if !ok || !w.take(e) {
				return came
			}
			came = true
		case <-look.C:
		case <-quiet.C:
			return came
		}
		w.explain(ctx, w.last.value)
		w.display.show(w.last.value, w.stall.waiting)
	}
	return came
}

// take reports false when the event is none to go on from.
func (w *watcher) take(e client.Event) bool {
	switch e.Name {
	case "":
		return true
	case "session", "ended":
		var s client.SyncSession
		if err := json.Unmarshal(e.Data, &s); err != nil {
			return false
		}
		w.last = reply[client.SyncSession]{value: s, raw: json.RawMessage(e.Data), status: http.StatusOK}
		return true
	}
	return false // the database is away, or what a newer API tells
}
