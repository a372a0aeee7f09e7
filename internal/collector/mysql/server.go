package mysql

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// The flavours; stored.
const (
	flavourMySQL   = "mysql"
	flavourMariaDB = "mariadb"
)

// A version is compared as numbers: 10.11 comes after 10.5. The flavours have
// versions of their own, which say nothing about each other.
type version struct {
	flavour             string
	major, minor, patch int
}

func (v version) mariaDB() bool { return v.flavour == flavourMariaDB }

func (v version) atLeast(major, minor int) bool {
	return cmp.Or(cmp.Compare(v.major, major), cmp.Compare(v.minor, minor)) >= 0
}

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch) }

// supported reports whether we know the version.
func (v version) supported() bool {
	if v.mariaDB() {
		return v.atLeast(10, 3) && v.major <= 11
	}
	return v.flavour == flavourMySQL && v.atLeast(5, 7) && v.major <= 9
}

// hasRoles reports whether roles exist; all of our MariaDBs have them.
func (v version) hasRoles() bool { return v.mariaDB() || v.major >= 8 }

// stateInJSON reports whether all of an account is in mysql.global_priv.
func (v version) stateInJSON() bool { return v.mariaDB() && v.atLeast(10, 4) }

var versionForm = regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})\.(\d{1,3})(\D|$)`)

// parseVersion reads what VERSION() says, such as "10.11.6-MariaDB-log" or
// "8.0.36-0ubuntu0.22.04.1". A relative that is neither has no flavour.
func parseVersion(text, comment string) (version, error) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return version{}, fmt.Errorf("%w: version %.20q", collector.ErrProtocol, text)
	}
	v := version{flavour: flavourMySQL}
	v.major, _ = strconv.Atoi(m[1]) // at most three digits each
	v.minor, _ = strconv.Atoi(m[2])
	v.patch, _ = strconv.Atoi(m[3])
	switch all := strings.ToLower(text + " " + comment); {
	case strings.Contains(all, "mariadb"):
		v.flavour = flavourMariaDB
	case strings.Contains(all, "tidb"), strings.Contains(all, "oceanbase"):
		v.flavour = ""
	}
	return v, nil
}

const sqlVersion = `
SELECT VERSION(), @@version_comment`

// readVersion refuses a version that we do not know before anything is read.
func (c *conn) readVersion(ctx context.Context) error {
	q := query{name: "version", sql: sqlVersion, columns: 2}
	values, err := c.one(ctx, q)
	if err != nil {
		return err
	}
	v, err := parseVersion(values[0], values[1])
	if err != nil {
		return c.queryFailure(ctx, q.name, err)
	}
	if !v.supported() {
		return &session.Fault{
			Code: session.CodeUnsupported, Phase: session.PhaseQuery(q.name),
			Err: fmt.Errorf("version %.40q: supported are MySQL 5.7 to 9 and MariaDB 10.3 to 11", values[0]),
		}
	}
	c.read.version = v
	c.read.Snapshot.Server = fleet.Server{Flavour: v.flavour, Version: v.String()}
	return nil
}

// settings are what the session starts with, in as few statements as there can be:
// each is a way to the server and back. Its own settings could cut results short or
// write them otherwise.
func settings(v version, limits fleet.Limits) []string {
	most := limits.OnServer()
	limit := "max_execution_time = " + strconv.FormatInt(max(most.Milliseconds(), 1), 10)
	if v.mariaDB() {
		limit = "max_statement_time = " + strconv.FormatFloat(max(most.Seconds(), 0.001), 'f', 3, 64)
	}
	return []string{
		"SET SESSION TRANSACTION READ ONLY",
		"SET NAMES utf8mb4, @@SESSION." + limit +
			", @@SESSION.lock_wait_timeout = " + strconv.Itoa(max(int(limits.Lock.Seconds()), 1)) +
			", @@SESSION.sql_mode = '', @@SESSION.time_zone = '+00:00'" +
			", @@SESSION.sql_select_limit = 18446744073709551615",
	}
}

func (c *conn) readSettings(ctx context.Context) error {
	for _, statement := range settings(c.read.version, c.read.limits) {
		if err := c.exec(ctx, "settings", statement); err != nil {
			return err
		}
	}
	return nil
}

// What a server says about itself. MariaDB's server_uid is the machine and the
// port. It came with minor versions, so that an upgrade gives a server one:
// 10.6.19, 11.6.1 and the releases of the other series beside them; see
// https://mariadb.com/docs/server/ha-and-performance/optimization-and-tuning/system-variables/system-and-status-variables-added-by-major-release/system-variables-added-in-mariadb-10-6
const (
	sqlServerUUID = `
SELECT @@server_uuid`
	sqlServerUID = `
SELECT @@server_uid`
	sqlPlace = `
SELECT @@hostname, @@port, @@datadir`
)

// readIdentity reads what tells this server from another one at its address.
func (c *conn) readIdentity(ctx context.Context) error {
	q := query{name: "identity", sql: sqlServerUUID, columns: 1}
	if c.read.version.mariaDB() {
		q.sql = sqlServerUID
	}
	values, err := c.one(ctx, q)
	if f, ok := err.(*failure); ok && f.Refused && f.number == numberUnknownVariable { //nolint:errorlint // one returns nothing else
		return c.readPlace(ctx)
	}
	if err != nil {
		return c.read.Skip("identity", err)
	}
	c.read.Snapshot.Server.Identity = values[0]
	return nil
}

// readPlace makes an identity of where the server runs and keeps its data: one
// that has moved is another until somebody says otherwise.
func (c *conn) readPlace(ctx context.Context) error {
	values, err := c.one(ctx, query{name: "identity", sql: sqlPlace, columns: 3})
	if err != nil {
		return c.read.Skip("identity", err)
	}
	sum := sha256.Sum256([]byte(strings.Join(values, "\x00")))
	c.read.Snapshot.Server.Identity = account.PlaceIdentity + hex.EncodeToString(sum[:16])
	return nil
}

// readDefaultLifetime reads how long a password is valid whose account does not
// say; 0 is for ever.
func (c *conn) readDefaultLifetime(ctx context.Context) error {
	values, err := c.one(ctx, query{name: "password_lifetime", sql: sqlDefaultLifetime, columns: 1})
	f, ok := err.(*failure) //nolint:errorlint // one returns nothing else
	if ok && f.Refused && f.number == numberUnknownVariable {
		return nil // MariaDB 10.3: passwords do not age
	}
	if err != nil {
		return err
	}
	c.read.lifetime, err = strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return c.queryFailure(ctx, "password_lifetime", fmt.Errorf("%w: password lifetime", collector.ErrProtocol))
	}
	return nil
}

const sqlDefaultLifetime = `
SELECT @@global.default_password_lifetime`
