package collector

import (
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// An Observer is told of every statement that a reader has run on a target,
// whatever came of it: its phase, and how long it took with its rows. Phases are
// a fixed set of words, none of which comes from a target. Nil observes nothing.
// Readers call it from any number of goroutines.
type Observer func(engine fleet.Engine, phase session.Phase, took time.Duration)

// Began starts the time of a statement; what it returns ends it.
func (o Observer) Began(engine fleet.Engine, phase session.Phase) (ended func()) {
	if o == nil {
		return func() {}
	}
	start := time.Now()
	return func() { o(engine, phase, time.Since(start)) }
}
