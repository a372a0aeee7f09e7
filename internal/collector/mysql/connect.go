package mysql

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// maxPacketBytes bounds what we send; the guard bounds what we are sent.
const maxPacketBytes = 16 << 20

// An attempt is one connection while it comes about; it knows how far it got.
type attempt struct {
	read      *read
	tls       bool
	unchecked bool // nobody checks who the server is
	phase     session.Phase
	conn      *greetedConn // nil until the server has greeted
}

// open connects and logs in.
func (r *read) open(ctx context.Context) (*conn, error) {
	outer := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Connect, fmt.Errorf("log in: over %s", r.limits.Connect))
	defer cancel()
	a := &attempt{read: r, phase: session.PhaseConnect, unchecked: !r.target.TLSMode.ChecksServer()}
	config, err := configure(r.target, a)
	if err != nil {
		return nil, &session.Fault{Code: session.CodeTLS, Phase: session.PhaseTLS, Err: err}
	}
	a.tls = config.TLS != nil
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, r.report.Fault(ctx, session.CodeInternal, session.PhaseConnect, err, "")
	}
	my, err := connect(ctx, connector)
	if err != nil {
		return nil, r.connectFailure(ctx, outer, a, err)
	}
	q, ok := my.(querier)
	if !ok {
		return nil, r.report.Fault(ctx, session.CodeInternal, session.PhaseLogin, errors.New("the driver runs no queries"), "")
	}
	return &conn{my: q, net: a.conn, read: r}, nil
}

// connect turns a panic of the driver over a hostile answer into an error.
func connect(ctx context.Context, connector driver.Connector) (c driver.Conn, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("%w: the driver cannot read it", collector.ErrProtocol)
		}
	}()
	return connector.Connect(ctx)
}

// configure returns how to log in to the target. Everything that would weaken
// the login, or let the server ask for files, is off.
func configure(t fleet.Target, a *attempt) (*mysql.Config, error) {
	tlsConfig, err := collector.TLSConfig(t)
	if err != nil {
		return nil, err
	}
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", net.JoinHostPort(t.Host, strconv.Itoa(t.Port))
	c.User, c.Passwd, c.DBName = t.Username, t.Password.Reveal(), t.Database
	c.ConnectionAttributes = "program_name:" + strings.ReplaceAll(t.AppName, ",", " ")
	c.MaxAllowedPacket = maxPacketBytes
	c.Logger = &mysql.NopLogger{}
	c.DialFunc = a.dialContext
	c.AllowAllFiles, c.AllowCleartextPasswords, c.AllowOldPasswords = false, false, false
	c.AllowFallbackToPlaintext, c.MultiStatements = false, false
	if tlsConfig != nil {
		tlsConfig.VerifyConnection = a.accept(tlsConfig.VerifyConnection)
		c.TLS = tlsConfig
	}
	if a.unchecked {
		return c, keepPassword(c)
	}
	return c, nil
}

// accept returns a function for the end of the handshake, after the check.
func (a *attempt) accept(check func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if check != nil {
			if err := check(s); err != nil {
				return err
			}
		}
		a.phase = session.PhaseLogin
		return nil
	}
}

// dialContext connects and hears the server's greeting.
func (a *attempt) dialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	raw, err := a.read.job.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	a.phase = session.PhaseLogin
	if a.tls {
		a.phase = session.PhaseTLS
	}
	c, err := greet(ctx, raw)
	if err == nil && a.unchecked {
		err = c.asksForPassword()
	}
	if err != nil {
		_ = raw.Close() // the first error says more
		return nil, err
	}
	a.conn = c
	return c, nil
}

// close says goodbye and ends the connection.
func (c *conn) close() {
	_ = c.net.SetDeadline(time.Now().Add(collector.CloseTimeout)) // it ends either way
	_ = c.my.Close()
}
