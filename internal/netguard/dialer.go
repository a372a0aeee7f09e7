package netguard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What a Dialer does when a field is zero.
const (
	DefaultConnectTimeout = 10 * time.Second
	DefaultMaxBytes       = 256 << 20
)

// Why a connection of a job ended on our side.
var (
	// ErrTooMuch: the job has read more than Dialer.MaxBytes.
	ErrTooMuch = errors.New("target sent too much")
	// ErrJobEnded: the job was closed or its context has ended.
	ErrJobEnded = errors.New("job ended")
)

// Dialer makes the connections to target databases. Goroutines may share it;
// its fields must not change after the first use.
type Dialer struct {
	Policy         Policy
	ConnectTimeout time.Duration // for look-up and TCP handshake together; 0: DefaultConnectTimeout
	MaxBytes       int64         // that one job may read over all its connections; 0: DefaultMaxBytes
	Resolver       *net.Resolver // nil: the system's
}

// Job makes the connections of one job, that is, one attempt at one target.
// When ctx ends they are closed at once, whatever a driver is doing, and no
// further one is made. The caller calls Close at the end of the job.
func (d *Dialer) Job(ctx context.Context) *Job {
	j := &Job{
		policy:         d.Policy,
		connectTimeout: cmp.Or(d.ConnectTimeout, DefaultConnectTimeout),
		maxBytes:       cmp.Or(d.MaxBytes, DefaultMaxBytes),
		resolver:       d.Resolver,
		live:           map[*closer]struct{}{},
	}
	j.detach = context.AfterFunc(ctx, func() { j.end(context.Cause(ctx)) })
	return j
}

// Job holds what one job has opened. Goroutines may share it.
type Job struct {
	policy         Policy
	connectTimeout time.Duration
	maxBytes       int64
	resolver       *net.Resolver
	detach         func() bool // takes the job off its context
	read           atomic.Int64

	mu    sync.Mutex // guards live and cause
	live  map[*closer]struct{}
	cause error // why nothing more is opened; nil while the job runs
}

// closer ends one connection or one attempt to connect.
type closer struct{ close func() }

// DialContext connects to addr, a host and a port. It has the form that drivers
// take as their dial function. The error is a *DialError; it wraps
// ErrNotAllowed for every other network than TCP and for every address that the
// policy refuses, and ErrJobEnded after the job's end.
func (j *Job) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := j.dial(ctx, network, addr)
	if err != nil {
		return nil, &DialError{Addr: addr, Err: err}
	}
	return conn, nil
}

func (j *Job) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, fmt.Errorf("%w: network %q", ErrNotAllowed, network)
	}
	host, _, err := splitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if err := checkSpelling(host); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, j.connectTimeout, fmt.Errorf("no connection within %s", j.connectTimeout))
	defer cancel()
	attempt := &closer{cancel}
	if err := j.add(attempt); err != nil {
		return nil, err
	}
	defer j.remove(attempt)
	nd := net.Dialer{Resolver: j.resolver, Control: j.control}
	raw, err := nd.DialContext(ctx, network, addr)
	if err != nil {
		return nil, j.explain(ctx, err)
	}
	return j.guard(raw)
}

// control runs after the look-up, for each address that is about to be dialled:
// no answer of a name server can get past it.
func (j *Job) control(_, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	return j.policy.Check(addr)
}

// explain adds what the standard library leaves out of err: why the attempt was
// given up.
func (j *Job) explain(ctx context.Context, err error) error {
	if cause := j.Err(); cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	if deadline, _ := ctx.Deadline(); !time.Now().Before(deadline) {
		<-ctx.Done() // the socket's own timer may have been a little faster
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && errors.Is(err, ErrNotAllowed) {
		return op.Err // it names the address itself
	}
	return err
}

func (j *Job) guard(raw net.Conn) (net.Conn, error) {
	c := &conn{Conn: raw, job: j}
	c.entry = &closer{func() { _ = raw.Close() }}
	if err := j.add(c.entry); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// Err returns why nothing more can be opened: nil while the job runs, else an
// error that wraps ErrTooMuch, or ErrJobEnded and the context's cause. Some
// drivers lose the error of the connection; this one stays.
func (j *Job) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cause
}

// Open returns how many connections are open.
func (j *Job) Open() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.live)
}

// BytesRead returns how much the job has read from its target, in bytes.
func (j *Job) BytesRead() int64 { return j.read.Load() }

// Close closes what is still open and lets nothing more be opened. It returns
// nil and may be called again.
func (j *Job) Close() error {
	j.detach()
	j.stop(ErrJobEnded)
	return nil
}

func (j *Job) end(cause error) { j.stop(fmt.Errorf("%w: %w", ErrJobEnded, cause)) }

// stop keeps the first cause.
func (j *Job) stop(cause error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cause == nil {
		j.cause = cause
	}
	for c := range j.live {
		c.close()
	}
	clear(j.live)
}

func (j *Job) add(c *closer) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cause != nil {
		return j.cause
	}
	j.live[c] = struct{}{}
	return nil
}

func (j *Job) remove(c *closer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.live, c)
}
