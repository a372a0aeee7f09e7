package testdb

import (
	"context"
	_ "embed" // for the fleets
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/localsvc"
)

// The login that the fleets have for a collector. On Postgres a few databases are
// closed to it, so that its reads are partial.
const (
	FleetUser     = "fleet_monitor"
	FleetPassword = "fleet-monitor-pw"
)

// The fleets: 50 accounts and 20 databases with 5 tables each, one statement a
// line.
var (
	//go:embed fleet/postgres.sql
	fleetPostgres string
	//go:embed fleet/mariadb.sql
	fleetMariaDB string
)

// LoadFleetPostgres fills a fresh server with the fleet; it takes a few
// seconds on a server that is Fast.
func LoadFleetPostgres(ctx context.Context, server *localsvc.Postgres) error {
	database, statements := "", []string(nil)
	for line := range strings.Lines(fleetPostgres + "\n\\connect postgres\n") {
		line = strings.TrimSpace(line)
		next, connect := strings.CutPrefix(line, `\connect `)
		if !connect {
			statements = appendStatement(statements, line)
			continue
		}
		if err := execEach(ctx, server.URL(database), statements); err != nil {
			return fmt.Errorf("load fleet: %w", err)
		}
		database, statements = next, nil
	}
	return nil
}

// LoadFleetMariaDB fills a fresh server with the fleet and lets its
// collector read it; it takes a few seconds.
func LoadFleetMariaDB(ctx context.Context, server *localsvc.MariaDB) error {
	var statements []string
	for line := range strings.Lines(fleetMariaDB) {
		statements = appendStatement(statements, strings.TrimSpace(line))
	}
	statements = append(statements, mysql.MinimalMariaDB(FleetUser)...)
	if err := server.Exec(ctx, "", statements...); err != nil {
		return fmt.Errorf("load fleet: %w", err)
	}
	return nil
}

// appendStatement leaves out comments and what is for psql alone.
func appendStatement(statements []string, text string) []string {
	if text == "" || strings.HasPrefix(text, "--") || strings.HasPrefix(text, `\`) {
		return statements
	}
	return append(statements, text)
}

// execEach runs statements one by one on a connection of their own: some of
// them refuse to run in a transaction with others.
func execEach(ctx context.Context, dsn string, statements []string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range statements {
		if _, err := conn.PgConn().Exec(ctx, statement).ReadAll(); err != nil {
			return fmt.Errorf("%.200s: %w", statement, err)
		}
	}
	return nil
}
