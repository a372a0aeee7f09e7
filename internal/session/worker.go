package session

import "time"

// WorkerLease is how long a worker counts as alive after a heartbeat, and
// Heartbeat is how often it beats.
const (
	WorkerLease = 20 * time.Second
	Heartbeat   = 4 * time.Second
)

// Worker is one life of one worker process.
type Worker struct {
	ID          WorkerID
	Hostname    string
	PID         int
	Version     string // of the binary
	Queues      []Category
	Concurrency int // records at a time
	StartedAt   time.Time
	BeatenAt    time.Time
	Alive       bool // its lease is not over
}
