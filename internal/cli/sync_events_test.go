package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

// streamOf answers with events, one for each session, and then ends. Without an
// end among them the stream has broken.
func streamOf(all ...client.SyncSession) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i, s := range all {
			name := "session"
			if ended(s) {
				name = "ended"
			}
			data, _ := json.Marshal(s)
			_, _ = fmt.Fprintf(w, ": still here\n\nevent: %s\nid: %d\ndata: %s\n\n", name, i, data)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func streamed(t *testing.T, events, polls http.HandlerFunc) *bench {
	t.Helper()
	return &bench{api: serve(t, routes{"GET /sync-sessions/{id}": polls, "GET /sync-sessions/{id}/events": events})}
}

func TestWatchFollowsTheStream(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{false, true} {
		b := streamed(t, streamOf(running(5, 100), running(50, 100), succeeded()), sessions(running(1, 100)))
		args := []string{"sync", "watch", sampleSession}
		if asJSON {
			args = append(args, "--json")
		}
		got := b.run(t, args...)
		got.want(t, 0)
		if asJSON {
			var s client.SyncSession
			if err := json.Unmarshal([]byte(got.out), &s); err != nil || s.Status != client.SessionStatusCompleted {
				t.Errorf("out = %s", got.out)
			}
		} else if !strings.Contains(got.out, "ended: succeeded") {
			t.Errorf("out = %s", got.out)
		}
		if n := asked(b, "GET /sync-sessions/"+sampleSession); n != 1 {
			t.Errorf("asked %d times beside the stream", n)
		}
		if token := b.api.last().token; token != "Bearer "+testToken {
			t.Errorf("the stream was opened with %q", token)
		}
	}
}

func TestWatchPollsWhenTheStreamBreaksAndGoesBackToIt(t *testing.T) {
	t.Parallel()
	events := inTurn(streamOf(running(5, 100)), streamOf(running(7, 100)), streamOf(running(8, 100), succeeded()))
	b := streamed(t, events, sessions(running(1, 100), running(6, 100), running(7, 100)))
	b.run(t, "sync", "watch", sampleSession).want(t, 0, "ended: succeeded")
	if streams, polls := asked(b, "GET /sync-sessions/"+sampleSession+"/events"), asked(b, "GET /sync-sessions/"+sampleSession); streams != 3 || polls != 3 {
		t.Errorf("%d streams and %d polls", streams, polls)
	}
}

func TestWatchPollsWhereThereIsNoStream(t *testing.T) {
	t.Parallel()
	for name, events := range map[string]http.HandlerFunc{
		"an older API":        problem(404, "not_found", "no such path"),
		"something else":      answerJSON(200, running(5, 100)),
		"a stream of nothing": streamOf(),
		"refused": func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_ = conn.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := streamed(t, events, sessions(running(1, 100), running(2, 100), running(3, 100), succeeded()))
			got := b.run(t, "sync", "watch", sampleSession)
			got.want(t, 0, "ended: succeeded")
			if n := asked(b, "GET /sync-sessions/"+sampleSession+"/events"); n != 1 || got.err != "" {
				t.Errorf("the stream was opened %d times, err = %s", n, got.err)
			}
		})
	}
}

func TestWatchPollsWhileTheStreamSaysThatTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	away := func(w http.ResponseWriter, r *http.Request) {
		streamOf(running(5, 100))(w, r)
		_, _ = fmt.Fprint(w, "event: unavailable\ndata: {\"code\":\"unavailable\"}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done() // it goes on, and nobody waits for it
	}
	polls := inTurn(answerJSON(200, running(1, 100)), problem(503, "unavailable", "the database is away"), answerJSON(200, succeeded()))
	got := streamed(t, away, polls).run(t, "sync", "watch", sampleSession)
	got.want(t, 0, "ended: succeeded")
	got.wantErr(t, "the database is away", "The API answers again.")
}

func TestEventsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	text := ": hello\n\nevent: session\nid: 7\nretry: 1\ndata: {\"a\":1}\n\nevent:ended\ndata:{\ndata:}\n\nevent: cut off\ndata: 1"
	var got []client.Event
	for e, err := range client.Events(strings.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if len(got) != 3 || got[0].Name != "" || got[1].Name != "session" || got[1].ID != "7" || string(got[1].Data) != `{"a":1}` ||
		got[2].Name != "ended" || string(got[2].Data) != "{\n}" {
		t.Errorf("events %+v", got)
	}
}
