package postgres

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

const (
	initialDatabase = "postgres"
	// maxMessageBytes bounds one message of the server, that is, one row.
	maxMessageBytes = 16 << 20
)

// neutral is the only connection string there is. pgconn makes a configuration
// from nothing but a string, and fills it from the environment and from files in
// the home directory; so it says something for every key of theirs. Every field
// that matters is overwritten afterwards.
const neutral = "host=target.invalid port=5432 dbname=postgres user=nobody password=none" +
	" passfile='' connect_timeout=0 target_session_attrs=any" +
	" sslmode=disable sslcert='' sslkey='' sslrootcert='' sslpassword=''" +
	" sslcertmode=disable sslsni=1 sslnegotiation=postgres channel_binding=prefer require_auth=''" +
	" min_protocol_version=3.0 max_protocol_version=3.0"

// baseConfig returns a configuration that owes nothing to the environment. It
// fails when PGSERVICE names a service that cannot be read.
func baseConfig() (*pgconn.Config, error) {
	base, err := pgconn.ParseConfig(neutral)
	if err != nil {
		return nil, fmt.Errorf("PGSERVICE must not be set: %w", err)
	}
	return base, nil
}

// configure returns how to log in to one database of the target. dial makes
// every connection; it also looks up the host.
func configure(base *pgconn.Config, t fleet.Target, limits fleet.Limits, database string, dial pgconn.DialFunc) (*pgconn.Config, error) {
	tlsConfig, err := collector.TLSConfig(t)
	if err != nil {
		return nil, err
	}
	c := base.Copy()
	c.Host, c.Port = t.Host, uint16(t.Port)
	c.Database, c.User, c.Password = database, t.Username, t.Password.Reveal()
	c.Fallbacks = nil
	c.ConnectTimeout = 0 // the context has it
	c.TLSConfig = tlsConfig
	c.RequireAuth = acceptedAuth(t.TLSMode)
	c.DialFunc = dial
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) {
		return []string{net.JoinHostPort(host, strconv.Itoa(t.Port))}, nil
	}
	c.MaxProtocolMessageBodyLen = maxMessageBytes
	c.KerberosSrvName, c.KerberosSpn = "", ""
	c.ValidateConnect, c.OAuthTokenProvider = nil, nil
	c.RuntimeParams = startSettings(t.AppName, limits)
	return c, nil
}

// acceptedAuth refuses to show the password itself to whom nobody has checked:
// also inside TLS, because whoever stands in between has ended that.
func acceptedAuth(mode fleet.TLSMode) string {
	if !mode.ChecksServer() {
		return "!password,!gss,!sspi,!oauth"
	}
	return "!gss,!sspi,!oauth"
}

// startSettings returns the settings that each connection starts with. The path keeps
// objects of users from standing in for those of the catalog.
func startSettings(appName string, limits fleet.Limits) map[string]string {
	return map[string]string{
		"application_name":                    appName,
		"client_encoding":                     "UTF8",
		"default_transaction_read_only":       "on",
		"idle_in_transaction_session_timeout": milliseconds(limits.Statement),
		"lock_timeout":                        milliseconds(limits.Lock),
		"search_path":                         "pg_catalog",
		"statement_timeout":                   milliseconds(limits.OnServer()),
	}
}

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(d.Milliseconds(), 1), 10) // 0 would mean for ever
}
