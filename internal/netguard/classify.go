package netguard

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// DialError says that no TCP connection came about, as opposed to one that
// failed later in TLS, login or a query.
type DialError struct {
	Addr string // as the driver gave it, host:port
	Err  error
}

// Error names the address, once, and the reason.
func (e *DialError) Error() string {
	text := e.Err.Error()
	if strings.Contains(text, e.Addr) {
		return text
	}
	return "connect to " + e.Addr + ": " + text
}

// Unwrap returns the reason.
func (e *DialError) Unwrap() error { return e.Err }

// Timeout makes a DialError a net.Error, as drivers expect of a dial function.
func (e *DialError) Timeout() bool { return Classify(e.Err) == Timeout }

// Temporary completes net.Error; it is always false.
func (e *DialError) Temporary() bool { return false }

// Kind is what the network did to a connection. Stored as part of error codes;
// do not rename.
type Kind string

// The kinds of Classify. Other is the empty text: not a matter of the network.
const (
	Other         Kind = ""
	NotAllowed    Kind = "not_allowed"
	TooMuch       Kind = "too_much"
	Refused       Kind = "refused"
	Reset         Kind = "reset" // or closed, by the other side
	Timeout       Kind = "timeout"
	NoRoute       Kind = "no_route"
	NameUnknown   Kind = "name_unknown"   // the name server says that there is no such name
	NameTemporary Kind = "name_temporary" // the name server gave no answer
)

// Classify returns the kind of err, which may come from Job.DialContext or from
// reading and writing its connections, wrapped any number of times. A job that
// was ended by cancellation is Other, by its deadline Timeout.
func Classify(err error) Kind {
	switch {
	case err == nil:
		return Other
	case errors.Is(err, ErrNotAllowed):
		return NotAllowed
	case errors.Is(err, ErrTooMuch):
		return TooMuch
	case errors.Is(err, ErrJobEnded):
		return classifyEnd(err)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return classifyName(dns)
	}
	for _, c := range causes() {
		if errors.Is(err, c.err) {
			return c.kind
		}
	}
	if net, ok := errors.AsType[net.Error](err); ok && net.Timeout() {
		return Timeout
	}
	return Other
}

func classifyEnd(err error) Kind {
	if errors.Is(err, context.DeadlineExceeded) {
		return Timeout
	}
	return Other
}

func classifyName(err *net.DNSError) Kind {
	if err.IsNotFound {
		return NameUnknown
	}
	return NameTemporary
}

type cause struct {
	err  error
	kind Kind
}

func causes() []cause {
	return []cause{
		{syscall.ECONNREFUSED, Refused},
		{syscall.EHOSTUNREACH, NoRoute},
		{syscall.ENETUNREACH, NoRoute},
		{syscall.EHOSTDOWN, NoRoute},
		{syscall.ENETDOWN, NoRoute},
		{syscall.ETIMEDOUT, Timeout},
		{os.ErrDeadlineExceeded, Timeout},
		{context.DeadlineExceeded, Timeout},
		{syscall.ECONNRESET, Reset},
		{syscall.ECONNABORTED, Reset},
		{syscall.EPIPE, Reset},
		{io.ErrUnexpectedEOF, Reset},
		{io.EOF, Reset},
	}
}
