package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/session"
)

// An attempt is one connection while it comes about; it knows how far it got.
type attempt struct {
	dial  pgconn.DialFunc
	tls   bool
	phase session.Phase
	conn  *watchedConn // nil until the TCP connection stands
}

// open connects and logs in to one database.
func (r *read) open(ctx context.Context, database string) (*conn, error) {
	outer := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Connect, fmt.Errorf("log in: over %s", r.limits.Connect))
	defer cancel()
	a := &attempt{dial: r.job.DialContext, phase: session.PhaseConnect}
	config, err := configure(r.base, r.target, r.limits, database, a.dialContext)
	if err != nil {
		return nil, &session.Fault{Code: session.CodeTLS, Phase: session.PhaseTLS, Err: err}
	}
	a.tls = config.TLSConfig != nil
	config.AfterNetConnect = a.handshake
	pg, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, r.connectFailure(ctx, outer, a, err)
	}
	c := &conn{pg: pg, read: r}
	if err := c.acceptAnyBytes(outer); err != nil {
		c.close(outer)
		return nil, err
	}
	return c, nil
}

const sqlAnyBytes = `
SELECT set_config('client_encoding', 'SQL_ASCII', false)`

// acceptAnyBytes keeps a database without an encoding from refusing to show a
// name that is no UTF-8. Nothing is translated then, and clean sees to the rest.
func (c *conn) acceptAnyBytes(ctx context.Context) error {
	if c.pg.ParameterStatus("server_encoding") != "SQL_ASCII" {
		return nil
	}
	_, err := c.one(ctx, query{name: "encoding", sql: sqlAnyBytes, columns: 1})
	return err
}

// dialContext also serves the driver's requests to stop a statement, which come
// when the attempt is long over.
func (a *attempt) dialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	raw, err := a.dial(ctx, network, addr)
	if err != nil || a.conn != nil {
		return raw, err
	}
	a.conn = &watchedConn{Conn: raw}
	a.phase = session.PhaseLogin
	if a.tls {
		a.phase = session.PhaseTLS
	}
	return a.conn, nil
}

// handshake completes TLS, so that its failure is not taken for one of the
// login. The driver wants a connection even beside an error.
func (a *attempt) handshake(ctx context.Context, _ *pgconn.Config, c net.Conn) (net.Conn, error) {
	if t, ok := c.(*tls.Conn); ok {
		if err := t.HandshakeContext(ctx); err != nil {
			return c, err
		}
	}
	a.phase = session.PhaseLogin
	return c, nil
}

// close ends the connection and waits, for at most CloseTimeout, until the
// driver has stopped what was running on it. The guard ends what is left.
func (c *conn) close(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), collector.CloseTimeout,
		fmt.Errorf("close connection: over %s", collector.CloseTimeout))
	defer cancel()
	c.depart(ctx)
	_ = c.pg.Close(ctx) // the read is over either way
	select {
	case <-c.pg.CleanupDone():
	case <-ctx.Done():
	}
}

// depart ends the session and waits for the server to hang up: until then the
// connection counts towards the limit of the account, and the next one of the read
// may be one too many.
func (c *conn) depart(ctx context.Context) {
	if c.pg.IsClosed() || c.pg.IsBusy() {
		return
	}
	deadline, _ := ctx.Deadline()
	_ = c.pg.Conn().SetDeadline(deadline) // a connection that is gone ends the rest at once
	c.pg.Frontend().Send(&pgproto3.Terminate{})
	if c.pg.Frontend().Flush() == nil {
		_, _ = c.pg.Conn().Read(make([]byte, 1))
	}
}

// linger returns a context that ends d after ctx, with its cause: time for the
// request to stop a running statement. The caller calls the returned function.
func linger(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			end(context.Cause(ctx))
		case <-late.Done():
		}
	})
	return late, func() {
		stop()
		end(errors.New("read is over"))
	}
}
