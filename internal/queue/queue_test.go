package queue

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// A bundle is a client of a Redis server of its own.
type bundle struct {
	*Client
	redis redis.UniversalClient
}

func newBundle(t *testing.T) *bundle {
	t.Helper()
	r, err := Open(testdb.Redis(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return &bundle{Client: NewClient(r), redis: r}
}

func ticket(record session.RecordID) session.Ticket {
	return session.Ticket{Record: record, Gen: 1, Category: session.Account}
}

func (b *bundle) enqueueAll(t *testing.T, tickets ...session.Ticket) {
	t.Helper()
	if err := b.Enqueue(t.Context(), tickets); err != nil {
		t.Fatal(err)
	}
}

// A worker collects what a server hands out.
type worker struct {
	mu      sync.Mutex // guards what follows
	got     []session.Ticket
	dropped int
	hold    chan struct{} // nil, or what handlers wait for
}

func (w *worker) handle(_ context.Context, t session.Ticket) {
	w.mu.Lock()
	w.got = append(w.got, t)
	hold := w.hold
	w.mu.Unlock()
	if hold != nil {
		<-hold
	}
}

// state returns the tickets so far, sorted, and how many tasks were dropped.
func (w *worker) state() ([]session.Ticket, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := slices.Clone(w.got)
	slices.SortFunc(got, func(a, b session.Ticket) int { return int(a.Record - b.Record) })
	return got, w.dropped
}

func (b *bundle) serve(t *testing.T, w *worker, categories ...session.Category) {
	t.Helper()
	s, err := Serve(ServerConfig{
		Redis: b.redis, Categories: categories, Concurrency: 8, Fetchers: 2, Handle: w.handle,
		Dropped: func(string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.dropped++
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		s.Shutdown()
	})
}

// until polls for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

func TestEveryTicketArrivesOnce(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var tickets []session.Ticket
	for record := range session.RecordID(300) {
		tickets = append(tickets, ticket(record+1))
	}
	b.enqueueAll(t, tickets...)
	b.enqueueAll(t, tickets...) // each is there already: done
	w := &worker{}
	b.serve(t, w, session.Account)
	until(t, "all arrived", func() bool { got, _ := w.state(); return len(got) >= len(tickets) })
	if got, dropped := w.state(); !slices.Equal(got, tickets) || dropped != 0 {
		t.Errorf("got %d tickets, dropped %d", len(got), dropped)
	}
}

func TestServerServesItsCategoriesOnly(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	mine, other := ticket(1), session.Ticket{Record: 2, Gen: 1, Category: session.Capacity}
	b.enqueueAll(t, mine, other)
	w := &worker{}
	b.serve(t, w, session.Account)
	until(t, "mine arrived", func() bool { got, _ := w.state(); return len(got) > 0 })
	if got, _ := w.state(); !slices.Equal(got, []session.Ticket{mine}) {
		t.Errorf("got %v", got)
	}
	if waiting, err := b.Waiting(t.Context(), other); !waiting || err != nil {
		t.Errorf("the other waits: %v, %v", waiting, err)
	}
}

func TestGarbageIsDroppedAndTheWorkerLives(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	garbage := [][]byte{nil, []byte("{"), []byte(`{"v":2,"r":1,"g":1}`), []byte(`{"v":1,"r":"1","g":1}`), make([]byte, 1<<20)}
	for _, body := range garbage {
		if _, err := b.client.EnqueueContext(t.Context(), asynq.NewTask(taskType, body), asynq.Queue("account")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.client.EnqueueContext(t.Context(), asynq.NewTask("other:type", []byte(`{"v":1,"r":1,"g":1}`)), asynq.Queue("account")); err != nil {
		t.Fatal(err)
	}
	// Not even asynq's own envelope.
	if err := b.redis.LPush(t.Context(), "asynq:{account}:pending", "forged").Err(); err != nil {
		t.Fatal(err)
	}
	b.enqueueAll(t, ticket(7))
	w := &worker{}
	b.serve(t, w, session.Account)
	until(t, "the good one arrived", func() bool { got, _ := w.state(); return len(got) == 1 })
	until(t, "the others were counted", func() bool { _, n := w.state(); return n == len(garbage)+1 })
	if n, err := b.ClearArchive(t.Context()); err != nil {
		t.Errorf("ClearArchive = %d, %v", n, err)
	}
}

func TestWaitingTellsWhereATaskIs(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	want := func(record session.RecordID, want bool) {
		t.Helper()
		if got, err := b.Waiting(t.Context(), ticket(record)); got != want || err != nil {
			t.Errorf("record %d waits: %v, %v; want %v", record, got, err, want)
		}
	}
	want(1, false) // no queue at all
	b.enqueueAll(t, ticket(1))
	want(1, true)
	want(2, false)
	w := &worker{hold: make(chan struct{})}
	b.serve(t, w, session.Account)
	until(t, "active", func() bool { got, _ := w.state(); return len(got) == 1 })
	want(1, false)
	close(w.hold)
	want(1, false)
}

// Another asynq application may share the Redis server, by mistake.
func TestArchiveOfOthersIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	ask := asynq.NewInspectorFromRedisClient(b.redis)
	for _, queue := range []string{"theirs", string(session.Account)} {
		client := asynq.NewClientFromRedisClient(b.redis)
		info, err := client.EnqueueContext(t.Context(), asynq.NewTask("mail", nil), asynq.Queue(queue))
		if err != nil {
			t.Fatal(err)
		}
		if err := ask.ArchiveTask(queue, info.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := b.ClearArchive(t.Context()); n != 1 || err != nil {
		t.Errorf("ClearArchive = %d, %v; want ours only", n, err)
	}
	if left, err := ask.ListArchivedTasks("theirs"); len(left) != 1 || err != nil {
		t.Errorf("%d of theirs are left, %v", len(left), err)
	}
}

func TestDepthCountsWhatWaits(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	if n, err := b.Depth(t.Context(), session.Account); err == nil {
		t.Errorf("an unknown queue has %d tasks", n)
	}
	if _, err := b.LostMemory(t.Context()); err != nil {
		t.Fatal(err)
	}
	for want := range 3 {
		if n, err := b.Depth(t.Context(), session.Account); err != nil || n != want {
			t.Errorf("depth %d, %v, want %d", n, err, want)
		}
		b.enqueueAll(t, ticket(session.RecordID(want+1)))
	}
}

func TestLostMemoryTellsExactlyOneCaller(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	lost := func() int {
		var mu sync.Mutex
		var wg sync.WaitGroup
		told := 0
		for range 16 {
			wg.Go(func() {
				lost, err := b.LostMemory(t.Context())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if lost {
					told++
				}
			})
		}
		wg.Wait()
		return told
	}
	if n := lost(); n != 1 {
		t.Errorf("%d were told of an empty Redis", n)
	}
	if n := lost(); n != 0 {
		t.Errorf("%d were told of a Redis that remembers", n)
	}
	if err := b.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if n := lost(); n != 1 {
		t.Errorf("%d were told of a wiped Redis", n)
	}
}

func TestQueuesAreKnownAgainAfterAFlush(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.enqueueAll(t, ticket(1))
	if err := b.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	b.enqueueAll(t, ticket(2)) // the client believes that its queue is known
	if _, err := b.LostMemory(t.Context()); err != nil {
		t.Fatal(err)
	}
	if waiting, err := b.Waiting(t.Context(), ticket(2)); !waiting || err != nil {
		t.Errorf("waits: %v, %v", waiting, err)
	}
	// Even when whoever was told of the loss died before it could do anything.
	if err := b.redis.Del(t.Context(), queuesKey).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.LostMemory(t.Context()); err != nil {
		t.Fatal(err)
	}
	if waiting, err := b.Waiting(t.Context(), ticket(2)); !waiting || err != nil {
		t.Errorf("waits: %v, %v", waiting, err)
	}
}

func TestSilentRedisIsAnError(t *testing.T) {
	t.Parallel()
	r, err := Open("redis://127.0.0.1:1/0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	c := NewClient(r)
	if _, err := c.Waiting(t.Context(), ticket(1)); err == nil {
		t.Error("Waiting without Redis")
	}
	if lost, err := c.LostMemory(t.Context()); lost || err == nil {
		t.Errorf("LostMemory without Redis = %v, %v", lost, err)
	}
	if err := c.Enqueue(t.Context(), []session.Ticket{ticket(1)}); err == nil {
		t.Error("Enqueue without Redis")
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing": ``, "another version": `{"v":2,"r":1,"g":1}`, "no record": `{"v":1,"g":1}`, "record 0": `{"v":1,"r":0,"g":1}`,
		"a negative generation": `{"v":1,"r":1,"g":-1}`, "an unknown field": `{"v":1,"r":1,"g":1,"x":1}`,
		"two values": `{"v":1,"r":1,"g":1}{"v":1,"r":1,"g":1}`, "a loose brace": `{"v":1,"r":1,"g":1}}`,
		"a generation beyond the column": `{"v":1,"r":1,"g":4294967297}`, "a fraction": `{"v":1,"r":1.5,"g":1}`, "an array": `[1,1,1]`,
	} {
		if got, err := decode(asynq.NewTask(taskType, []byte(body)), session.Account); !errors.Is(err, ErrGarbage) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(taskType, []byte(`{"v":1,"r":12,"g":3}`))
	f.Add(taskType, []byte(`{"v":1,"r":9223372036854775807,"g":2147483647}`))
	f.Add("x", []byte(`{}`))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		got, err := decode(asynq.NewTask(kind, body), session.Account)
		if err != nil {
			if !errors.Is(err, ErrGarbage) {
				t.Errorf("error %v is not garbage", err)
			}
			return
		}
		if got.Record <= 0 || got.Gen <= 0 || got.Gen > math.MaxInt32 || got.Category != session.Account {
			t.Errorf("ticket %+v of %q", got, body)
		}
		back, err := json.Marshal(payload{Version: 1, Record: int64(got.Record), Gen: got.Gen})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decode(asynq.NewTask(kind, back), session.Account); err != nil || again != got {
			t.Errorf("%+v became %+v, %v", got, again, err)
		}
	})
}

func TestPayloadIsShownAsThePathOfItsRecord(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(payload{Version: payloadVersion, Record: 7, Gen: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got := Describe(taskType, body); got != "/records/7 (dispatch 2)" {
		t.Errorf("shown as %q", got)
	}
	if got := Describe(taskType, []byte(`{"secret":"hunter2"}`)); got != "not a task of dbfleet" {
		t.Errorf("a foreign payload is shown as %q", got)
	}
}
