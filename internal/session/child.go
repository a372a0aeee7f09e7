package session

import (
	"errors"
	"slices"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// RetryScope says which records of an ended session a retry takes.
type RetryScope string

// The scopes.
const (
	RetryFailed    RetryScope = "failed"
	RetryCancelled RetryScope = "cancelled"
)

// ParseRetryScope returns the scope of that name, or an *invalid.Error.
func ParseRetryScope(field, s string) (RetryScope, error) {
	switch scope := RetryScope(s); scope {
	case RetryFailed, RetryCancelled:
		return scope, nil
	}
	return "", invalid.Field(field, "must be failed or cancelled")
}

// Retry asks for a child session with records of an ended one.
type Retry struct {
	Parent      ID
	Scope       RetryScope     // one state; empty when Status names them, or for failed
	Status      []RecordStatus // failed, cancelled, skipped; stands for Scope
	Code        Code           // only records whose last failure has it; empty means all
	Fingerprint Fingerprint    // the same
	CreatedBy   *int64
}

// Statuses lists the states of the records that the retry takes.
func (r Retry) Statuses() []RecordStatus {
	switch {
	case len(r.Status) > 0:
		return r.Status
	case r.Scope == "":
		return []RecordStatus{RecordFailed}
	}
	return []RecordStatus{RecordStatus(r.Scope)}
}

// Validate reports the faults of the request as *invalid.Error.
func (r Retry) Validate() error {
	var fingerprintErr error
	if r.Fingerprint != "" {
		_, fingerprintErr = ParseFingerprint("fingerprint", string(r.Fingerprint))
	}
	return errors.Join(r.validStatuses(), invalid.OptionalText("code", string(r.Code), 64), fingerprintErr)
}

func (r Retry) validStatuses() error {
	if len(r.Status) == 0 {
		_, err := ParseRetryScope("scope", string(r.Statuses()[0]))
		return err
	}
	if r.Scope != "" {
		return invalid.Field("status", "stands for scope: give one of them")
	}
	for _, s := range r.Status {
		if !slices.Contains([]RecordStatus{RecordFailed, RecordCancelled, RecordSkipped}, s) {
			return invalid.Field("status", "%s records are not tried again: use failed, cancelled or skipped", s)
		}
	}
	return nil
}
