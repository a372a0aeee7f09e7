package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dbfleet/dbfleet/internal/httpapi"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

// sent is one event as a client reads it; a comment has only that.
type sent struct{ name, id, data, comment string }

// parse reads what a stream has written.
func parse(t *testing.T, text string) []sent {
	t.Helper()
	var all []sent
	for block := range strings.SplitSeq(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		var e sent
		for line := range strings.SplitSeq(block, "\n") {
			field, value, ok := strings.Cut(line, ": ")
			switch {
			case !ok:
				t.Errorf("line %q", line)
			case field == "event":
				e.name = value
			case field == "id":
				e.id = value
			case field == "data":
				e.data = value
			case field == "":
				e.comment = value
			}
		}
		all = append(all, e)
	}
	return all
}

// newStreams is the API alone, over fakes, for a bubble of synctest.
func newStreams(t *testing.T) (*httpapi.API, *fakeSessions) {
	t.Helper()
	key, err := secret.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeSessions{}
	api, err := httpapi.New(httpapi.Services{Sessions: f, Key: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	return api, f
}

// read opens a stream and returns all that it says until it ends.
func read(ctx context.Context, t *testing.T, api *httpapi.API, lastID string) *httptest.ResponseRecorder {
	t.Helper()
	request := gen.StreamSyncSessionRequestObject{SessionId: sessionID}
	if lastID != "" {
		request.Params.LastEventID = &lastID
	}
	response, err := api.StreamSyncSession(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	if err := response.VisitStreamSyncSessionResponse(recorder); err != nil {
		t.Error(err)
	}
	return recorder
}

// at changes the session after so many seconds by the bubble's clock.
func (f *fakeSessions) at(ctx context.Context, seconds float64, change func(*fakeSessions)) {
	select {
	case <-time.After(time.Duration(seconds * float64(time.Second))):
		f.set(change)
	case <-ctx.Done():
	}
}

func told(events []sent) string {
	var all []string
	for _, e := range events {
		all = append(all, e.name+e.comment)
	}
	return strings.Join(all, ", ")
}

func TestStreamTellsEveryChangeOnceASecondUntilTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api, f := newStreams(t)
		f.session = running()
		var group sync.WaitGroup
		group.Go(func() {
			for i := range 40 { // ten changes a second, for four seconds
				f.at(t.Context(), 0.1, func(f *fakeSessions) { f.session.Counts.Completed = 100 + i })
			}
			f.set(func(f *fakeSessions) { f.session = ended() })
		})
		recorder := read(t.Context(), t, api, "")
		group.Wait()
		events := parse(t, recorder.Body.String())
		if got := told(events); got != "session, session, session, session, session, ended" && got != "session, session, session, session, ended" {
			t.Errorf("events: %s", got)
		}
		var last struct{ Status, Result string }
		decode(t, events[len(events)-1].data, &last)
		if last.Status != "failed" || last.Result != "partial" {
			t.Errorf("ended with %+v", last)
		}
		h := recorder.Header()
		if h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store, no-transform" || h.Get("Content-Encoding") != "" || !recorder.Flushed {
			t.Errorf("headers %v, flushed %v", h, recorder.Flushed)
		}
	})
}

func TestStreamGivesASignOfLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api, f := newStreams(t)
		go f.at(t.Context(), 50, func(f *fakeSessions) { f.session = ended() })
		events := parse(t, read(t.Context(), t, api, "").Body.String())
		if got := told(events); got != "session, still here, still here, still here, ended" {
			t.Errorf("events: %s", got)
		}
	})
}

func TestStreamSaysThatTheDatabaseIsAwayAndGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api, f := newStreams(t)
		go func() {
			f.at(t.Context(), 2.5, func(f *fakeSessions) { f.err = session.ErrAway })
			f.at(t.Context(), 20, func(f *fakeSessions) { f.err, f.session = nil, ended() })
		}()
		events := parse(t, read(t.Context(), t, api, "").Body.String())
		if got := told(events); got != "session, unavailable, still here, ended" {
			t.Errorf("events: %s", got)
		}
		if e := events[1]; e.id != "" || !strings.Contains(e.data, `"code":"unavailable"`) {
			t.Errorf("away: %+v", e)
		}
	})
}

func TestStreamGoesOnFromTheLastEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api, f := newStreams(t)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		known := parse(t, read(ctx, t, api, "").Body.String())[0].id
		go f.at(t.Context(), 3, func(f *fakeSessions) { f.session = ended() })
		events := parse(t, read(t.Context(), t, api, known).Body.String())
		if got := told(events); got != "ended" {
			t.Errorf("with the state known: %s", got)
		}
		if got := told(parse(t, read(t.Context(), t, api, "0123456789abcdef").Body.String())); got != "ended" {
			t.Errorf("with another state known: %s", got)
		}
		if again := read(t.Context(), t, api, events[0].id); again.Code != http.StatusNoContent || again.Body.Len() > 0 {
			t.Errorf("with the end known: %d %s", again.Code, again.Body)
		}
	})
}

func TestStreamEndsAfterAWhileAndWithItsSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api, f := newStreams(t)
		began := time.Now()
		read(t.Context(), t, api, "")
		if took := time.Since(began); took != 15*time.Minute {
			t.Errorf("ended after %s", took)
		}
		go f.at(t.Context(), 5, func(f *fakeSessions) { f.err = session.ErrNotFound })
		began = time.Now()
		read(t.Context(), t, api, "")
		if took := time.Since(began); took > 7*time.Second {
			t.Errorf("the stream of a session that is gone ended after %s", took)
		}
	})
}

// deadlines is an answer that remembers until when the client may take it.
type deadlines struct {
	*httptest.ResponseRecorder

	write time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

func TestQuietStreamThatIsCutHasTimeToEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api, _ := newStreams(t)
		ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second) // the only event was long ago
		defer cancel()
		response, err := api.StreamSyncSession(ctx, gen.StreamSyncSessionRequestObject{SessionId: sessionID})
		if err != nil {
			t.Fatal(err)
		}
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		if err := response.VisitStreamSyncSessionResponse(w); err != nil {
			t.Error(err)
		}
		if left := time.Until(w.write); left != 10*time.Second {
			t.Errorf("%s are left for the end of the stream", left)
		}
	})
}

func TestThousandClientsOfOneStreamAskOncePerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api, f := newStreams(t)
		go f.at(t.Context(), 10, func(f *fakeSessions) { f.session = ended() })
		var group sync.WaitGroup
		for range 1000 {
			group.Go(func() {
				if got := told(parse(t, read(t.Context(), t, api, "").Body.String())); got != "session, ended" {
					t.Errorf("events: %s", got)
				}
			})
		}
		group.Wait()
		if f.asked > 12 {
			t.Errorf("asked %d times in ten seconds", f.asked)
		}
	})
}

// TestStreamOverHTTP follows a session through the whole server, which has
// limits for every other request.
func TestStreamOverHTTP(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+aSession+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.tokens[user.Viewer].Reveal())
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "" || resp.Header.Get("X-Request-Id") == "" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	event := func() sent {
		var text strings.Builder
		for lines.Scan() && lines.Text() != "" {
			text.WriteString(lines.Text() + "\n")
		}
		return parse(t, strings.TrimSuffix(text.String(), "\n"))[0]
	}
	if e := event(); e.name != "session" || !json.Valid([]byte(e.data)) {
		t.Errorf("first %+v", e)
	}
	b.sessions.set(func(f *fakeSessions) { f.session = ended() })
	if e := event(); e.name != "ended" {
		t.Errorf("then %+v", e)
	}
	if lines.Scan() || lines.Err() != nil && !errors.Is(lines.Err(), context.Canceled) {
		t.Errorf("after the end %q, %v", lines.Text(), lines.Err())
	}
}
