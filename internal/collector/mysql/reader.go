package mysql

import (
	"context"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Reader reads servers of the MySQL family. Goroutines may share it.
type Reader struct {
	dialer  *netguard.Dialer
	observe collector.Observer
}

// New returns a reader whose every connection is made by dialer, and which tells
// observe of its statements; nil: nobody.
func New(dialer *netguard.Dialer, observe collector.Observer) *Reader {
	registerNoKey()
	return &Reader{dialer: dialer, observe: observe}
}

// ReadAccounts reads all accounts of t with what they may do. It calls loggedIn,
// unless that is nil, once, right after the login and the first statement: only
// that shows whether the password has expired. It blocks for as long as limits and
// ctx let it; when it returns, its connection is closed. What still runs on the
// target then, the server ends by itself within the limits.
//
// The error is a *session.Fault, and the snapshot is empty then. When ctx has
// ended the fault wraps its cause. The snapshot's lists may be shared between
// accounts; the caller must not change them.
func (r *Reader) ReadAccounts(
	ctx context.Context, t fleet.Target, limits fleet.Limits, loggedIn func(context.Context),
) (account.Snapshot, error) {
	job := r.dialer.Job(ctx)
	defer func() { _ = job.Close() }() // always nil
	one := &read{
		builder: newBuilder(limits.OrDefaults()),
		target:  t,
		limits:  limits.OrDefaults(),
		job:     job,
		report:  collector.Reporter{Scrub: secret.NewScrubber(t.Password)},
		observe: r.observe,
	}
	if err := one.run(ctx, loggedIn); err != nil {
		return account.Snapshot{}, session.AsFault(err)
	}
	return one.Finish(job.BytesRead()), nil
}

// A read is one read of one target.
type read struct {
	*builder
	target   fleet.Target
	limits   fleet.Limits
	job      *netguard.Job
	report   collector.Reporter
	observe  collector.Observer
	version  version
	lifetime int64 // days that a password is valid unless its account says otherwise; 0 is for ever
}

func (r *read) run(ctx context.Context, loggedIn func(context.Context)) error {
	if err := collector.CheckTarget(r.target); err != nil {
		return &session.Fault{Code: session.CodeInternal, Phase: session.PhaseConnect, Err: err}
	}
	c, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.readFirst(ctx, loggedIn); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		c.readSettings, c.readIdentity, c.readDefaultLifetime,
		c.readAccounts, c.readMemberships, c.readGrants,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// readFirst reads the version. A server may let an account in and then do nothing
// for it until its password is changed: that login has failed.
func (c *conn) readFirst(ctx context.Context, loggedIn func(context.Context)) error {
	err := c.readVersion(ctx)
	if f, ok := err.(*failure); ok && f.number == numberExpired { //nolint:errorlint // one returns nothing else
		return c.read.report.Fault(ctx, session.CodeAuthFailed, session.PhaseLogin, f.Fault.Err, "the password has expired")
	}
	if loggedIn != nil {
		loggedIn(ctx)
	}
	return err
}
