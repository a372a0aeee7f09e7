package session

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

// Code names a kind of failure. Stored, shown and matched on; do not rename.
type Code string

// Failures of the way to the target.
const (
	CodeNotAllowed     Code = "address_not_allowed"
	CodeDNS            Code = "dns_failed"
	CodeNoRoute        Code = "no_route"
	CodeConnectTimeout Code = "connect_timeout"
	CodeRefused        Code = "connection_refused"
	CodeReset          Code = "connection_reset"
	CodeTLS            Code = "tls_failed"
	CodeProtocol       Code = "protocol_error"
	CodeTimeout        Code = "timeout" // login or a query took too long; the phase tells which
)

// Failures that the target states.
const (
	CodeAuthFailed      Code = "auth_failed"
	CodeTooMany         Code = "too_many_connections"
	CodeStarting        Code = "server_starting"
	CodeUnknownDatabase Code = "unknown_database"
	CodePermission      Code = "permission_denied"
	CodeUnsupported     Code = "unsupported_version"
	CodeQuery           Code = "query_failed"
	CodeDeadlock        Code = "deadlock"
	CodeTooLarge        Code = "too_large"
)

// Failures that DBFleet itself states.
const (
	CodeCredential         Code = "credential_unreadable" // the worker has no key for it
	CodeCredentialRejected Code = "credential_rejected"   // three logins failed: the rest is not tried
	CodeHostDown           Code = "host_down"             // three instances of the host did not answer
	CodeSessionDeadline    Code = "session_deadline"
	CodeStuck              Code = "stuck"          // the deadline passed under a live worker
	CodePoison             Code = "poison"         // three workers were lost with this record
	CodeStorage            Code = "storage_failed" // our own database could not take it: a limit, a lock, a full disk
	CodeInternal           Code = "internal"
)

// Phase is the part of the work in which it failed. Stored; do not rename.
// A query's phase is "query:" and the name of what was read.
type Phase string

// The phases.
const (
	PhaseDispatch Phase = "dispatch"
	PhaseResolve  Phase = "resolve"
	PhaseConnect  Phase = "connect"
	PhaseTLS      Phase = "tls"
	PhaseLogin    Phase = "login"
	PhaseStore    Phase = "store"
)

// PhaseQuery is the phase of reading one named thing.
func PhaseQuery(name string) Phase { return Phase("query:" + name) }

// Fault is why an attempt did not succeed. Err keeps the driver's words; they
// are scrubbed of secrets before anything is stored or logged.
type Fault struct { //nolint:errname // the field's word for it; Error would say less
	Code  Code
	Phase Phase
	Err   error
}

// Error returns code, phase and the driver's words.
func (f *Fault) Error() string { return fmt.Sprintf("%s (%s): %v", f.Code, f.Phase, f.Err) }

// Unwrap returns the driver's error.
func (f *Fault) Unwrap() error { return f.Err }

// AsFault returns the fault in err's chain; any other error is an internal one.
func AsFault(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return &Fault{Code: CodeInternal, Phase: PhaseStore, Err: err}
}

// passing lists the failures that may be gone at the next attempt.
var passing = []Code{
	CodeDNS, CodeNoRoute, CodeConnectTimeout, CodeRefused, CodeReset, CodeTimeout,
	CodeTooMany, CodeStarting, CodeDeadlock, CodeStuck, CodeStorage,
}

// Passing reports whether another attempt may succeed where this one failed.
func (c Code) Passing() bool { return slices.Contains(passing, c) }

// Contact is what the failure says about whether the target answers at all. A
// refusal or a reset is proof of life.
func (c Code) Contact() fleet.Contact {
	switch c {
	case CodeConnectTimeout, CodeNoRoute:
		return fleet.ContactUnreachable
	case CodeNotAllowed, CodeDNS, CodeCredential, CodeInternal, CodeStuck, CodeStorage:
		return fleet.ContactUnknown
	}
	return fleet.ContactAlive
}
