package postgres

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Reader reads PostgreSQL servers. Goroutines may share it.
type Reader struct {
	dialer  *netguard.Dialer
	base    *pgconn.Config
	observe collector.Observer
}

// New returns a reader whose every connection is made by dialer, and which tells
// observe of its statements; nil: nobody. The environment
// variables of PostgreSQL's own tools have no effect on it; New fails only when
// PGSERVICE names a service that cannot be found.
func New(dialer *netguard.Dialer, observe collector.Observer) (*Reader, error) {
	base, err := baseConfig()
	if err != nil {
		return nil, fmt.Errorf("configure postgres reader: %w", err)
	}
	return &Reader{dialer: dialer, base: base, observe: observe}, nil
}

// ReadAccounts reads all accounts of t with what they may do. It calls loggedIn,
// unless that is nil, once, right after the first login has succeeded. It blocks
// for as long as limits and ctx let it, and about a second longer to stop what
// runs on the target; when it returns, no connection is left.
//
// The error is a *session.Fault, and the snapshot is empty then. When ctx has
// ended the fault wraps its cause. The snapshot's lists and attributes may be
// shared between accounts; the caller must not change them.
func (r *Reader) ReadAccounts(
	ctx context.Context, t fleet.Target, limits fleet.Limits, loggedIn func(context.Context),
) (account.Snapshot, error) {
	late, end := linger(ctx, collector.CloseTimeout)
	defer end()
	job := r.dialer.Job(late)
	defer func() { _ = job.Close() }() // always nil
	one := &read{
		builder: newBuilder(limits.OrDefaults()),
		target:  t,
		limits:  limits.OrDefaults(),
		base:    r.base,
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
	target  fleet.Target
	limits  fleet.Limits
	base    *pgconn.Config
	job     *netguard.Job
	report  collector.Reporter
	observe collector.Observer
	version int // server_version_num: 150004
	unfound []unfound
}

func (r *read) run(ctx context.Context, loggedIn func(context.Context)) error {
	if err := collector.CheckTarget(r.target); err != nil {
		return &session.Fault{Code: session.CodeInternal, Phase: session.PhaseConnect, Err: err}
	}
	first := cmp.Or(r.target.Database, initialDatabase)
	others, err := r.readFirst(ctx, first, loggedIn)
	if err != nil {
		return err
	}
	for _, other := range others {
		if err := r.readDatabase(ctx, other); err != nil {
			return err
		}
	}
	return r.checkUnfound(ctx, first)
}

// readFirst reads what belongs to the whole server, and the database it has come
// in by. It returns the databases that are still to be read.
func (r *read) readFirst(ctx context.Context, first string, loggedIn func(context.Context)) ([]database, error) {
	c, err := r.open(ctx, first)
	if err != nil {
		return nil, err
	}
	defer c.close(ctx)
	if loggedIn != nil {
		loggedIn(ctx)
	}
	if err := c.readServer(ctx); err != nil {
		return nil, err
	}
	databases, err := c.listDatabases(ctx)
	if err != nil {
		return nil, err
	}
	if databases.here != "" {
		err = c.readGrantsOf(ctx, databases.here)
	}
	return databases.others, err
}

// readServer reads everything that is not in one database only.
func (c *conn) readServer(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		c.readVersion, c.readIdentity, c.readRoles, c.readMemberships, c.readSettings, c.readServerGrants,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
