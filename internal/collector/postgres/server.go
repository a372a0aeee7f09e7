package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// The major versions that are supported, as server_version_num counts them.
const (
	oldestVersion = 12_00_00
	newestVersion = 18_99_99
	version15     = 15_00_00
	version16     = 16_00_00
)

const flavour = "postgresql"

const sqlVersion = `
SELECT current_setting('server_version_num'), current_setting('server_version')`

const sqlIdentity = `
SELECT system_identifier::text FROM pg_catalog.pg_control_system()`

// readVersion refuses a version that we do not know before anything is read.
func (c *conn) readVersion(ctx context.Context) error {
	q := query{name: "version", sql: sqlVersion, columns: 2}
	values, err := c.one(ctx, q)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(values[0])
	if err != nil {
		return c.queryFailure(ctx, q.name, fmt.Errorf("%w: version %.20q", collector.ErrProtocol, values[0]))
	}
	number, _, _ := strings.Cut(values[1], " ") // "15.4 (Debian 15.4-1)"
	if version < oldestVersion || version > newestVersion {
		return &session.Fault{
			Code: session.CodeUnsupported, Phase: session.PhaseQuery(q.name),
			Err: fmt.Errorf("version %.40q: supported are 12 to 18", number),
		}
	}
	c.read.version = version
	c.read.Snapshot.Server = fleet.Server{Flavour: flavour, Version: number}
	return nil
}

// readIdentity reads what initdb has drawn for the server and its replicas.
func (c *conn) readIdentity(ctx context.Context) error {
	values, err := c.one(ctx, query{name: "identity", sql: sqlIdentity, columns: 1})
	if err != nil {
		return c.read.Skip("identity", err)
	}
	c.read.Snapshot.Server.Identity = values[0]
	return nil
}
