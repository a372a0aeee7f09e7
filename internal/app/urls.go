package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/queue"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// checkURLs finds what package config cannot: faults that only the drivers
// know. A URL that config has refused is empty and not looked at again.
func checkURLs(cfg config.Config) error {
	var faults []error
	if cfg.DatabaseURL.Reveal() != "" {
		_, err := parseDatabaseURL(cfg.DatabaseURL)
		faults = append(faults, err)
	}
	if cfg.RedisURL.Reveal() != "" {
		if _, err := queue.Options(cfg.RedisURL.Reveal()); err != nil {
			faults = append(faults, invalid.Field("DBFLEET_REDIS_URL", "cannot be used: look at its database number and its path"))
		}
	}
	return errors.Join(faults...)
}

// parseDatabaseURL returns the driver's configuration, or an *invalid.Error.
func parseDatabaseURL(text secret.Text) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(text.Reveal())
	if err != nil {
		return nil, invalid.Field("DBFLEET_DATABASE_URL", "cannot be used%s", reasonOf(err, text.Reveal()))
	}
	return c, nil
}

// postgresServers are the servers that a database URL names, as host:port;
// sockets in the file system are out of a target's reach.
func postgresServers(c *pgx.ConnConfig) []string {
	servers := []string{hostPort(c.Host, c.Port)}
	for _, f := range c.Fallbacks { // the other hosts, and the same ones without TLS
		servers = append(servers, hostPort(f.Host, f.Port))
	}
	slices.Sort(servers)
	return slices.DeleteFunc(slices.Compact(servers), func(s string) bool { return strings.HasPrefix(s, "/") })
}

func hostPort(host string, port uint16) string { return net.JoinHostPort(host, fmt.Sprint(port)) }

// reasonOf is what the driver's error says after it has repeated the URL. It is
// left out when it holds the password all the same.
func reasonOf(err error, text string) string {
	const end = "`: "
	whole := err.Error()
	at := strings.LastIndex(whole, end)
	if at < 0 || holdsPassword(whole[at:], text) {
		return ": look at its port and its parameters"
	}
	return ": " + whole[at+len(end):]
}

// holdsPassword also says yes when it cannot tell.
func holdsPassword(reason, text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return true
	}
	passwords := u.Query()["password"]
	if password, given := u.User.Password(); given {
		passwords = append(passwords, password)
	}
	for _, password := range passwords {
		if password != "" && strings.Contains(reason, password) {
			return true
		}
	}
	return false
}
