package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/dbfleet/dbfleet/client"
)

// measureGet asks for a big session, and for a page of its records, while a
// worker works its records off as fast as it can.
func measureGet(ctx context.Context, b *bench) (err error) {
	s, err := b.set(ctx, "get", "")
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	if err := s.startNoop(ctx, b.big, 1); err != nil {
		return err
	}
	one, err := s.create(ctx, tagAll)
	if err != nil {
		return err
	}
	for _, g := range []get{
		{"the session", true, func(ctx context.Context) (*http.Response, error) { return s.api.GetSyncSession(ctx, one.id) }},
		{"a page of its records", true, func(ctx context.Context) (*http.Response, error) {
			return s.api.ListSyncRecords(ctx, one.id, &client.ListSyncRecordsParams{})
		}},
	} {
		if err := s.measureGet(ctx, "get", one.id, g); err != nil {
			return err
		}
	}
	_, err = s.cancel(ctx, one.id)
	return err
}

// loaded is what came of a load.
type loaded struct {
	took   []time.Duration // from when a request was due until its answer was read
	faults int
	last   error
}

// load makes so many requests per second, each when it is due, whatever became
// of those before: a server that cannot keep up is seen by all of them.
func load(ctx context.Context, rate int, d time.Duration, call func(context.Context) (*http.Response, error)) loaded {
	var mu sync.Mutex // guards out
	var out loaded
	var all sync.WaitGroup
	began, n := time.Now(), int(d.Seconds()*float64(rate))
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(due)):
		}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			err := answered(call(ctx)) //nolint:bodyclose // answered closes it
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				out.faults, out.last = out.faults+1, err
				return
			}
			out.took = append(out.took, time.Since(due))
		})
	}
	all.Wait()
	return out
}

// answered reads an answer to its end.
func answered(r *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }() // it was read
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("answer %s", r.Status)
	}
	return nil
}

// err says why the percentiles would not be what the figure promises.
func (l loaded) err(rate int, running bool) error {
	switch {
	case l.faults > 0:
		return fmt.Errorf("%d of %d requests failed: %w", l.faults, l.faults+len(l.took), l.last)
	case !running:
		return fmt.Errorf("the session ended before %d requests per second did", rate)
	}
	return nil
}

func (l loaded) report(b *bench, figure, what string) {
	note := fmt.Sprintf("%d requests per second for %s, the session runs", b.rate, b.loadTime)
	for _, p := range []struct {
		name string
		at   float64
	}{{"p50", 0.50}, {"p95", 0.95}, {"p99", 0.99}} {
		b.report.add(line{Figure: figure, Case: what + ", " + p.name, Value: ms(percentile(l.took, p.at)), Unit: "ms", Note: note})
		note = ""
	}
}
