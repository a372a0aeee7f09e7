package session

import (
	"fmt"
	"slices"
)

// Status is the state of a session. Stored; do not rename.
type Status string

// The states of a session.
const (
	Running    Status = "running"
	Cancelling Status = "cancelling"
	Completed  Status = "completed"
	Failed     Status = "failed"
	Cancelled  Status = "cancelled"
)

// Statuses lists every state of a session.
func Statuses() []Status { return []Status{Running, Cancelling, Completed, Failed, Cancelled} }

// Terminal reports whether the session has ended for good.
func (s Status) Terminal() bool { return s == Completed || s == Failed || s == Cancelled }

// Result sums a session up. Stored; do not rename.
type Result string

// The results.
const (
	Succeeded       Result = "succeeded"
	Partial         Result = "partial"
	ResultFailed    Result = "failed"
	ResultCancelled Result = "cancelled"
)

// RecordStatus is the state of a record. Stored; do not rename.
type RecordStatus string

// The states of a record.
const (
	RecordPending   RecordStatus = "pending"   // due at its due time
	RecordQueued    RecordStatus = "queued"    // the bell was rung
	RecordRunning   RecordStatus = "running"   // held by a worker
	RecordCompleted RecordStatus = "completed" // read and stored
	RecordFailed    RecordStatus = "failed"
	RecordCancelled RecordStatus = "cancelled"
	RecordSkipped   RecordStatus = "skipped" // nothing to do: not served, deleted or inactive
)

// RecordStatuses lists every state of a record, in the order of its life.
func RecordStatuses() []RecordStatus {
	return []RecordStatus{
		RecordPending, RecordQueued, RecordRunning, RecordCompleted, RecordFailed, RecordCancelled, RecordSkipped,
	}
}

// recordMoves is the whole table of moves; the database repeats what it can as CHECKs.
var recordMoves = map[RecordStatus][]RecordStatus{
	RecordPending: {RecordQueued, RecordCancelled, RecordFailed, RecordSkipped},
	RecordQueued:  {RecordRunning, RecordPending, RecordCancelled, RecordFailed, RecordSkipped},
	RecordRunning: {RecordCompleted, RecordFailed, RecordCancelled, RecordPending, RecordSkipped},
}

// Terminal reports whether the record has ended for good.
func (s RecordStatus) Terminal() bool {
	_, open := recordMoves[s]
	return !open
}

// To returns next, or an error when a record may not move there from s.
func (s RecordStatus) To(next RecordStatus) (RecordStatus, error) {
	if slices.Contains(recordMoves[s], next) {
		return next, nil
	}
	return s, fmt.Errorf("a %s record cannot become %s", s, next)
}

// Counts is how many records of a session are in which state.
type Counts struct {
	Pending, Queued, Running, Completed, Failed, Cancelled, Skipped int
	Partial                                                         int // of Completed: incomplete or held
}

// Open is how many records have not ended.
func (c Counts) Open() int { return c.Pending + c.Queued + c.Running }

// Done is how many records have ended.
func (c Counts) Done() int { return c.Completed + c.Failed + c.Cancelled + c.Skipped }

// Conclude returns the final status and result of a session whose records
// have all ended. cancelling says that the session itself was cancelled.
func Conclude(c Counts, cancelling bool) (Status, Result) {
	switch {
	case cancelling:
		return Cancelled, ResultCancelled
	case c.Failed > 0 && c.Completed > 0:
		return Failed, Partial
	case c.Failed > 0:
		return Failed, ResultFailed
	case c.Completed == 0 && c.Cancelled > 0:
		return Completed, ResultCancelled
	case c.Cancelled > 0 || c.Partial > 0:
		return Completed, Partial
	}
	return Completed, Succeeded
}
