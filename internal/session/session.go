// Package session knows what a sync session and its instance records are: their
// words, the moves between their states, and the rules for retries, windows,
// and results. It decides and does nothing: the store moves rows, the motion
// packages loop.
package session

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

// ID is the public id of a session.
type ID = uuid.UUID

// RecordID is the number of an instance record.
type RecordID int64

// ScheduleID is the number of a schedule; package schedule knows what that is.
type ScheduleID int64

// WorkerID names one life of one worker process.
type WorkerID = uuid.UUID

// Errors that callers act on.
var (
	ErrNotFound       = errors.New("session not found")
	ErrRecordNotFound = errors.New("record not found")
	// ErrFinished refuses to cancel what has already ended.
	ErrFinished = errors.New("already finished")
	// ErrRunning refuses to retry a session that has not ended.
	ErrRunning = errors.New("session is still running")
	// ErrClaimLost says that another attempt has taken the record, or that it ended.
	ErrClaimLost = errors.New("claim lost")
	// ErrLeaseOver says that a worker was declared dead: its row is gone.
	ErrLeaseOver = errors.New("worker lease is over")
	// ErrAway says that Postgres cannot be asked now; the same call may be made again later.
	ErrAway = errors.New("database is away")
	// ErrEmptySelection refuses a session without a single instance.
	ErrEmptySelection = errors.New("no active instance matches the selection")
	// ErrNotServed refuses a session whose category no selected engine serves.
	ErrNotServed = errors.New("no selected engine serves this category")
	// ErrIdempotencyMismatch refuses a known Idempotency-Key with another request.
	ErrIdempotencyMismatch = errors.New("idempotency key was used with another request")
)

// Category says what is read. Stored, and the name of the queue; do not rename.
type Category string

// The categories.
const (
	Account     Category = "account"
	Capacity    Category = "capacity"
	Config      Category = "config"
	Aggregation Category = "aggregation"
	Other       Category = "other" // the connection and grant check
)

// Categories lists every category.
func Categories() []Category { return []Category{Account, Capacity, Config, Aggregation, Other} }

// ParseCategory returns the category of that stored name, or an *invalid.Error
// for the given field.
func ParseCategory(field, s string) (Category, error) {
	if c := Category(s); slices.Contains(Categories(), c) {
		return c, nil
	}
	return "", invalid.Field(field, "unknown category %q: use account, capacity, config, aggregation or other", s)
}

// Module is the name under which log lines of the category are filtered.
func (c Category) Module() string { return string(c) + "_sync" }

// Type says who asked for a session. Stored; do not rename.
type Type string

// The types.
const (
	Scheduled    Type = "scheduled"
	ManualBatch  Type = "manual_batch"
	ManualSingle Type = "manual_single" // names exactly one instance
)

// Types lists every type.
func Types() []Type { return []Type{Scheduled, ManualBatch, ManualSingle} }

// Serves says which pairs of engine and category somebody can work on.
type Serves map[Category][]fleet.Engine

// Engines lists the engines that serve the category; nil when nobody does.
func (s Serves) Engines(c Category) []fleet.Engine { return s[c] }

// ReasonEmpty is the Reason of a session whose schedule selected no instance.
// Stored; do not rename.
const ReasonEmpty = "empty_selection"

// Session is one batch as it is stored.
type Session struct {
	Row         int64 // number of the stored row, for paging
	ID          ID
	Type        Type
	Category    Category
	Status      Status
	Result      Result      // empty while it runs
	Reason      string      // why it ended without work; mostly empty
	Parent      *ID         // the session whose records this one retries
	Schedule    *ScheduleID // that made it, also when a user ran it; nil for none
	Selector    Selector
	MaxAttempts int
	CreatedBy   *int64 // user; nil for a schedule
	StartedAt   time.Time
	DeadlineAt  time.Time
	CompletedAt *time.Time
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Total       int
	Counts      Counts
	Items       Items
	// Durations of the records' last attempts; nil while the session runs or when none ran.
	P50, P95, Max *time.Duration
	ErrorGroups   []ErrorGroup // frozen when the session ends
	Progress      Progress     // of a session that runs; empty in lists
}

// Items counts what a sync found and changed: accounts for the account
// category. An unchanged item that was read counts as synced.
type Items struct {
	Synced, Created, Updated, Deleted int64
}

// ErrorGroup is a kind of failure within a session.
type ErrorGroup struct {
	Code    Code   `json:"code"`
	Phase   Phase  `json:"phase"`
	Count   int    `json:"count"`
	Sample  string `json:"sample"`  // name of one instance
	Message string `json:"message"` // of that instance
}

// ErrorKind is a kind of failure within a session: one code, one phase, one
// normalised message.
type ErrorKind struct {
	Fingerprint Fingerprint // empty for all of one code that failed before fingerprints were kept
	Code        Code
	Phase       Phase
	Message     string // normalised
	Count       int
	Samples     []ErrorSample // the first few
}

// ErrorSample is one record of an ErrorKind.
type ErrorSample struct {
	Record       RecordID
	InstanceID   fleet.InstanceID
	InstanceName string
	Message      string // the driver's words
}

// Record is one instance within one session, as it is stored.
type Record struct {
	ID           RecordID
	SessionID    ID
	InstanceID   fleet.InstanceID
	InstanceName string
	Category     Category
	Status       RecordStatus
	Attempt      int
	Failures     int
	Lost         int
	DueAt        time.Time
	StartedAt    *time.Time
	CompletedAt  *time.Time
	Duration     *time.Duration // of the last attempt
	Items        Items
	Partial      bool
	Fault        *Fault // the last one, also while the record waits for its next attempt
	Fingerprint  Fingerprint
	Waiting      *Waiting // why it does not run; nil unless it is pending or queued, and where nobody looked
	Details      []byte   // JSON object, at most 64 KB
	CreatedAt    time.Time
}

// Ticket is what travels through the queue: enough to claim one dispatch of
// one record, nothing else.
type Ticket struct {
	Record   RecordID
	Gen      int
	Category Category
}

// Claim is the right to work on one attempt of one record. A write that
// carries a Claim succeeds only while that attempt is the record's latest.
type Claim struct {
	Record  RecordID
	Session ID
	Attempt int // counts from 1
	Worker  WorkerID
}

// Work is a claimed record with what is needed to do it.
type Work struct {
	Claim
	Category   Category
	Target     fleet.Target // without its password: Sealed is opened by the worker
	Sealed     []byte
	Credential fleet.CredentialID
	Version    int           // of the credential
	Limit      time.Duration // how long this attempt may take; positive
	Failures   int           // before this attempt
	Policy     RetryPolicy
	Proven     bool // a login with this credential version has succeeded in this session
}

// Outcome is how an attempt that read its target ended.
type Outcome struct {
	Items   Items
	Partial bool           // the read was incomplete, or something is held for review
	Server  fleet.Server   // what the target says about itself
	Details map[string]any // goes into sync_details
}
