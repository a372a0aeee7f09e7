package session

import "time"

// WaitingReason says why a record is not running yet. Shown and matched on; do
// not rename.
type WaitingReason string

// The reasons.
const (
	NoWorker           WaitingReason = "no_worker"           // no living worker serves the category
	DueLater           WaitingReason = "due_later"           // it waits for another attempt
	OtherSession       WaitingReason = "other_session"       // which reads the same instance now
	HostLimit          WaitingReason = "host_limit"          // the host has as many records under way as it may
	CredentialUnproven WaitingReason = "credential_unproven" // the first logins with it have not succeeded yet
	Ready              WaitingReason = "ready"               // it is the next one's turn
)

// Waiting is why a record is not running.
type Waiting struct {
	Reason  WaitingReason
	Since   time.Time  // when it became due, or was queued
	Until   *time.Time // when it becomes due; nil unless it is due later
	Session *ID        // the other session; nil unless that is the reason
}

// Obstacles are the facts about a pending or queued record that decide why it
// is not running.
type Obstacles struct {
	Status    RecordStatus
	DueAt     time.Time
	QueuedAt  *time.Time
	Now       time.Time // of the database
	Workers   int       // living ones that serve the category
	Other     *ID       // another session whose record of the same instance and category is in the way
	HostBusy  int       // records of its host that are queued or running
	HostLimit int
	Proven    bool // a login with its credential has succeeded in its session
	Logins    int  // of the credential in the session, that failed or are under way
}

// Waiting names the first obstacle: what a person must act on before what time
// alone will solve. For a queued record, whose place is taken, only the lack of
// a worker and another session count.
func (o Obstacles) Waiting() Waiting {
	w := Waiting{Reason: o.reason(), Since: o.DueAt}
	if o.Status == RecordQueued && o.QueuedAt != nil {
		w.Since = *o.QueuedAt
	}
	switch w.Reason {
	case DueLater:
		w.Until = &o.DueAt
	case OtherSession:
		w.Session = o.Other
	}
	return w
}

func (o Obstacles) reason() WaitingReason {
	queued := o.Status == RecordQueued
	switch {
	case o.Workers == 0:
		return NoWorker
	case !queued && o.DueAt.After(o.Now):
		return DueLater
	case o.Other != nil:
		return OtherSession
	case queued:
		return Ready
	case o.HostBusy >= o.HostLimit:
		return HostLimit
	case !o.Proven && o.Logins >= MaxUnproven:
		return CredentialUnproven
	}
	return Ready
}
