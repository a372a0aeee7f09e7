package runner

import (
	"context"
	"sync"
	"time"
)

// silence is how long an attempt may wait for its target's first answer before
// it lends its seat to another record.
const silence = time.Second

// seat is an attempt's place among those that may work at once. An attempt
// whose target says nothing costs no work, only time: its seat is lent to
// others until the target answers, so that dead hosts delay nobody.
type seat struct {
	slots chan struct{}

	mu     sync.Mutex // guards what follows
	held   bool
	silent *time.Timer // nil when the seat is not to be lent any more
}

// sit waits for a free place. It returns nil when the runner closes first.
func (r *Runner) sit() *seat {
	select {
	case r.slots <- struct{}{}:
		return &seat{slots: r.slots, held: true}
	case <-r.closing:
		return nil
	}
}

// listen begins to wait for the target's first answer.
func (s *seat) listen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = time.AfterFunc(silence, s.lend)
}

func (s *seat) lend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent != nil && s.held {
		s.held = false
		<-s.slots
	}
}

// answered takes the seat back, waiting for a free one if it was lent, at most
// until ctx ends.
func (s *seat) answered(ctx context.Context) {
	s.mu.Lock()
	if s.silent != nil {
		s.silent.Stop()
		s.silent = nil
	}
	lent := !s.held
	s.mu.Unlock()
	if !lent {
		return
	}
	select {
	case s.slots <- struct{}{}:
		s.mu.Lock()
		s.held = true
		s.mu.Unlock()
	case <-ctx.Done():
	}
}

// leave gives the seat up for good.
func (s *seat) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent != nil {
		s.silent.Stop()
		s.silent = nil
	}
	if s.held {
		s.held = false
		<-s.slots
	}
}
