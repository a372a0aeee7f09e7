package cli

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/client"
)

// inTurn answers with each handler once, then with the last one for ever.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	next := make(chan http.HandlerFunc, len(handlers))
	for _, h := range handlers {
		next <- h
	}
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case h := <-next:
			h(w, r)
		default:
			handlers[len(handlers)-1](w, r)
		}
	}
}

func sessions(all ...client.SyncSession) http.HandlerFunc {
	handlers := make([]http.HandlerFunc, len(all))
	for i, s := range all {
		handlers[i] = answerJSON(200, s)
	}
	return inTurn(handlers...)
}

func watched(t *testing.T, answer http.HandlerFunc) *bench {
	t.Helper()
	return &bench{api: serve(t, routes{
		"GET /sync-sessions/{id}": answer, "POST /sync-sessions": answerJSON(201, running(0, 100)),
		"POST /sync-sessions/{id}/retry": answerJSON(201, running(0, 100)),
	})}
}

func TestWatchExitCodeIsTheResult(t *testing.T) {
	t.Parallel()
	noResult := succeeded()
	noResult.Result = nil
	tests := map[string]struct {
		end  client.SyncSession
		code int
		out  []string
	}{
		"succeeded": {succeeded(), 0, []string{"ended: succeeded after 25s", "3: 3 completed", "5,120 read: 3 created, 1 updated, 0 deleted"}},
		"partial": {
			endedSession(client.SessionResultPartial, client.Counts{Completed: 97, Failed: 2, Partial: 1}), 1,
			[]string{
				"97 completed (1 of them incomplete or held), 2 failed", "2 × connect_timeout at connect, such as orders-7\n      dial tcp 10.1.2.3:5432: over 10s\n",
				"dbfleet sync retry " + sampleSession + " --watch", "dbfleet sync records " + sampleSession + " --status failed", "dbfleet sync errors " + sampleSession, "hold list",
			},
		},
		"failed":    {endedSession(client.SessionResultFailed, client.Counts{Failed: 2}), 1, []string{"ended: failed"}},
		"cancelled": {endedSession(client.SessionResultCancelled, client.Counts{Cancelled: 2}), 1, []string{"ended: cancelled", "--scope cancelled"}},
		"no result": {noResult, 1, []string{"ended: completed"}},
	}
	commands := map[string][]string{
		"watch": {"sync", "watch", sampleSession},
		"start": {"sync", "start", "--all", "-w"},
		"retry": {"sync", "retry", sampleSession, "--watch"},
	}
	for name, tt := range tests {
		for verb, args := range commands {
			t.Run(name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				got := watched(t, sessions(running(5, 100), tt.end)).run(t, args...)
				got.want(t, tt.code, tt.out...)
				got = watched(t, sessions(running(5, 100), tt.end)).run(t, append(args, "--json")...)
				got.want(t, tt.code)
				var s client.SyncSession
				if err := json.Unmarshal([]byte(got.out), &s); err != nil || s.Status != tt.end.Status || got.err != "" {
					t.Errorf("out = %s, err = %s: want the ended session alone", got.out, got.err)
				}
			})
		}
	}
}

func TestWatchPlainLinesAreRare(t *testing.T) {
	t.Parallel()
	var all []client.SyncSession
	for i := range 20 {
		all = append(all, running(i, 100)) // 1 s apart
	}
	stopping := running(20, 100)
	stopping.Status = client.SessionStatusCancelling
	all = append(all, stopping, stopping, stopping, endedSession(client.SessionResultCancelled, client.Counts{Completed: 20, Cancelled: 80}))
	got := watched(t, sessions(all...)).run(t, "sync", "watch", sampleSession)
	got.want(t, 1)
	progress, _, _ := strings.Cut(got.out, "\n\n")
	want := []string{
		"running: 0/100, ETA 13s, 4 running, 4.0/s", // at the start
		"running: 7/100, ETA 13s, 4 running, 4.0/s", // after 250 ms, 500 ms and four of 1 s …
		"running: 12/100, ETA 13s, 4 running, 4.0/s",
		"running: 17/100, ETA 13s, 4 running, 4.0/s",
		"cancelling: 20/100, ETA 13s, 4 running, 4.0/s", // a new status at once
		"completed: 100/100",
	}
	if progress != strings.Join(want, "\n") {
		t.Errorf("lines:\n%s\nwant:\n%s", progress, strings.Join(want, "\n"))
	}
}

func TestWatchPartialResultReadsAsPartial(t *testing.T) {
	t.Parallel()
	for result, want := range map[client.SessionResult]string{
		client.SessionResultPartial: "ended: 3/3, 1 failed\n", client.SessionResultFailed: "failed: 3/3, 1 failed\n",
	} {
		end := endedSession(result, client.Counts{Completed: 2, Failed: 1})
		b := watched(t, sessions(running(0, 3), end))
		b.run(t, "sync", "watch", sampleSession).want(t, 1, want)
		b.run(t, "sync", "show", sampleSession).want(t, 0, "  "+want)
	}
}

func TestWatchUnchangedNumbersPrintNothing(t *testing.T) {
	t.Parallel()
	same := running(5, 100)
	b := watched(t, sessions(same, same, same, same, same, same, same, same, same, same, same, same, succeeded()))
	got := b.run(t, "sync", "watch", sampleSession)
	if n := strings.Count(got.out, "running:"); n != 1 {
		t.Errorf("%d lines of the same numbers:\n%s", n, got.out)
	}
}

func TestWatchDrawsInPlaceOnATerminal(t *testing.T) {
	t.Parallel()
	b := watched(t, sessions(running(0, 100), running(50, 100), succeeded()))
	b.width = 60
	got := b.run(t, "sync", "watch", sampleSession)
	got.want(t, 0)
	drawn, _, _ := strings.Cut(got.out, "\n")
	if n := strings.Count(drawn, clearLine); n != 3 {
		t.Errorf("drawn %d times, want 3: %q", n, drawn)
	}
	dumb := watched(t, sessions(running(0, 100), succeeded()))
	dumb.width, dumb.env = 60, map[string]string{"TERM": "dumb"}
	if got := dumb.run(t, "sync", "watch", sampleSession); strings.Contains(got.out, "\x1b") {
		t.Errorf("escapes on a dumb terminal: %q", got.out)
	}
}

func TestWatchDetachesOnInterrupt(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"sync", "watch", sampleSession}, {"sync", "start", "--all", "--watch"}} {
		for _, asJSON := range []bool{false, true} {
			t.Run(args[1], func(t *testing.T) {
				t.Parallel()
				b := watched(t, sessions(running(5, 100)))
				b.atPause = true
				args := slices.Clone(args)
				if asJSON {
					args = append(args, "--json")
				}
				got := b.run(t, args...)
				got.want(t, 2)
				got.wantErr(t, "the sync goes on", "dbfleet sync cancel "+sampleSession)
				if asJSON && (!json.Valid([]byte(got.out)) || !json.Valid([]byte(got.err))) {
					t.Errorf("not JSON: %q, %q", got.out, got.err)
				}
				for _, r := range b.api.requests() {
					if strings.HasSuffix(r.route, "/cancel") {
						t.Error("detaching cancelled the session")
					}
				}
			})
		}
	}
}

func TestWatchSurvivesAShortOutage(t *testing.T) {
	t.Parallel()
	away := problem(503, "unavailable", "the database is away")
	drop := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	got := watched(t, inTurn(answerJSON(200, running(5, 100)), away, drop, drop, away, answerJSON(200, running(6, 100)), answerJSON(200, succeeded()))).
		run(t, "sync", "watch", sampleSession)
	got.want(t, 0, "ended: succeeded")
	got.wantErr(t, "the database is away", "trying again for 2m0s", "The API answers again.")
	if n := strings.Count(got.err, "\n"); n != 2 {
		t.Errorf("%d remarks, want one at each end:\n%s", n, got.err)
	}
}

func TestWatchGivesUpAfterALongOutage(t *testing.T) {
	t.Parallel()
	b := watched(t, inTurn(answerJSON(200, running(5, 100)), problem(503, "unavailable", "the database is away")))
	start := sampleTime
	got := b.run(t, "sync", "watch", sampleSession)
	got.want(t, 2)
	got.wantErr(t, "the database is away", "dbfleet sync watch "+sampleSession)
	if took := b.now.Sub(start); took < maxOutage || took > maxOutage+5*time.Second {
		t.Errorf("gave up after %s, want %s", took, maxOutage)
	}
}

func TestWatchEndsWhenTheTokenIsRevoked(t *testing.T) {
	t.Parallel()
	b := watched(t, inTurn(answerJSON(200, running(5, 100)), problem(401, "unauthorized", "the token is not valid")))
	got := b.run(t, "sync", "watch", sampleSession)
	got.want(t, 2)
	got.wantErr(t, "the token is not valid")
	if n := len(b.api.requests()); n != 3 { // the session, its events, which this API has not, and the session again
		t.Errorf("%d requests, want 3", n)
	}
}

func TestStartInterruptedSaysThatItMayRun(t *testing.T) {
	t.Parallel()
	b := watched(t, sessions(running(5, 100)))
	b.interrupted = true
	got := b.run(t, "sync", "start", "--all")
	got.want(t, 2)
	got.wantErr(t, "may have been started", "dbfleet sync list")
}

func TestStartSaysWhenTheRequestWasKnown(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"POST /sync-sessions": answerJSON(200, running(5, 100))})}
	b.run(t, "sync", "start", "--all", "--idempotency-key", "nightly").want(t, 0, "was started before by the same request")
	if key := b.api.last().header.Get("Idempotency-Key"); key != "nightly" {
		t.Errorf("key sent = %q", key)
	}
}
