package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/dbfleet/dbfleet/client"
)

// audience is clients that follow one session and wait for its count of skipped
// records to rise. Who makes it closes it.
type audience struct {
	stop   context.CancelFunc // of all streams
	all    sync.WaitGroup
	failed chan error    // why the first stream ended by itself
	door   chan struct{} // as many streams are opened at once

	mu      sync.Mutex // guards all below
	want    int        // skipped records that are waited for
	since   time.Time  // that it is wanted
	seen    []int      // by each client
	missing int        // clients that have not seen it
	done    chan struct{}
	took    []time.Duration
	events  []int // that each client got since counted
	counted time.Time
}

// atTheDoor is how many streams are opened at once: who comes with a thousand
// others is told to come again.
const atTheDoor = 50

func newAudience(n int) *audience {
	return &audience{
		stop: func() {}, failed: make(chan error, 1), door: make(chan struct{}, atTheDoor), seen: slices.Repeat([]int{-1}, n), events: make([]int, n),
	}
}

// expect begins to wait for a count; what it returns is closed when all have
// seen it.
func (a *audience) expect(skipped int) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.want, a.since, a.missing, a.done = skipped, time.Now(), len(a.seen), make(chan struct{})
	return a.done
}

// count forgets what was seen until now.
func (a *audience) count() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took, a.counted = nil, time.Now()
	clear(a.events)
}

// saw takes in an event of client i.
func (a *audience) saw(i, skipped int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events[i]++
	if skipped < a.want || a.seen[i] >= a.want {
		return
	}
	a.seen[i] = a.want
	a.took = append(a.took, time.Since(a.since))
	if a.missing--; a.missing == 0 {
		close(a.done)
	}
}

// delays are how long what was expected took to reach each client.
func (a *audience) delays() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.took)
}

// rate is how many events a second the client got that got most.
func (a *audience) rate() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return perSecond(slices.Max(a.events), time.Since(a.counted))
}

// join lets client i read a stream until ctx ends.
func (a *audience) join(ctx context.Context, i int, open func(context.Context) (*http.Response, error)) {
	a.all.Go(func() {
		err := a.read(ctx, i, open)
		select {
		case a.failed <- fmt.Errorf("client %d: %w", i, err):
		default: // it is not the first
		}
	})
}

var errStreamEnded = errors.New("the stream has ended")

func (a *audience) read(ctx context.Context, i int, open func(context.Context) (*http.Response, error)) error {
	a.door <- struct{}{}
	r, err := open(ctx)
	<-a.door
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }() // it was read
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("answer %s", r.Status)
	}
	for e, err := range client.Events(r.Body) {
		if err != nil {
			return err
		}
		if e.Name != "session" {
			continue // a sign of life
		}
		var state struct {
			Counts struct{ Skipped int }
		}
		if err := json.Unmarshal(e.Data, &state); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		a.saw(i, state.Counts.Skipped)
	}
	return errStreamEnded
}

// await waits for what expect returned.
func (a *audience) await(ctx context.Context, done <-chan struct{}) error {
	ctx, cancel := context.WithTimeoutCause(ctx, changeTime, fmt.Errorf("not all clients have it after %s", changeTime))
	defer cancel()
	select {
	case <-done:
		return nil
	case err := <-a.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close ends all streams and waits for that.
func (a *audience) close() {
	a.stop()
	a.all.Wait()
}
