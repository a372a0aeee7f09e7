package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// servers are the private servers of a run. The targets are started when a
// figure first asks for them.
type servers struct {
	dir      string
	own      *localsvc.Postgres // DBFleet's
	redis    *localsvc.Redis
	password string // of the programs' own account on own

	postgres *localsvc.Postgres // with the fleet; nil until asked for
	mariadb  *localsvc.MariaDB  // the same
}

// programUser owns the figures' databases. The programs log in as nobody else,
// so that their statements can be told from ours.
const programUser = "dbfleet"

// ownSettings make DBFleet's Postgres one of a small machine that keeps what it
// has committed.
func ownSettings() map[string]string {
	return map[string]string{
		"shared_buffers":                    "512MB",
		"max_wal_size":                      "4GB",
		"shared_preload_libraries":          "pg_stat_statements",
		"pg_stat_statements.track_planning": "on",
		"pg_stat_statements.save":           "off",
	}
}

func startServers(ctx context.Context, dir string) (s *servers, err error) {
	s = &servers{dir: dir, password: rand.Text()}
	s.own, err = localsvc.StartPostgres(ctx, localsvc.PostgresOptions{
		Dir: filepath.Join(dir, "own"), MaxConns: 200, Settings: ownSettings(),
	})
	if err != nil {
		return s, fmt.Errorf("start DBFleet's server: %w", err)
	}
	s.redis, err = localsvc.StartRedis(ctx, localsvc.RedisOptions{
		Dir: filepath.Join(dir, "redis"), Args: []string{"--maxmemory-policy", "noeviction"},
	})
	if err != nil {
		return s, err
	}
	return s, execute(ctx, s.own.URL(""),
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", programUser, s.password))
}

// targetConns is enough for the records of two workers at once.
const targetConns = 400

// postgresTarget returns the server with the fleet on PostgreSQL.
func (s *servers) postgresTarget(ctx context.Context) (*localsvc.Postgres, error) {
	if s.postgres != nil {
		return s.postgres, nil
	}
	server, err := localsvc.StartPostgres(ctx, localsvc.PostgresOptions{
		Dir: filepath.Join(s.dir, "postgres"), MaxConns: targetConns, Fast: true,
	})
	if err != nil {
		return nil, err
	}
	s.postgres = server
	return server, testdb.LoadFleetPostgres(ctx, server)
}

// mariadbTarget returns the server with the fleet on MariaDB.
func (s *servers) mariadbTarget(ctx context.Context) (*localsvc.MariaDB, error) {
	if s.mariadb != nil {
		return s.mariadb, nil
	}
	server, err := localsvc.StartMariaDB(ctx, localsvc.MariaDBOptions{
		Dir: filepath.Join(s.dir, "mariadb"), Settings: map[string]string{"max-connections": fmt.Sprint(targetConns)},
	})
	if err != nil {
		return nil, err
	}
	s.mariadb = server
	return server, testdb.LoadFleetMariaDB(ctx, server)
}

// stop ends what was started; nil is nothing.
func (s *servers) stop(ctx context.Context) error {
	if s == nil {
		return nil
	}
	var faults []error
	for _, server := range []*localsvc.Postgres{s.own, s.postgres} {
		if server != nil {
			faults = append(faults, server.Stop(ctx))
		}
	}
	if s.mariadb != nil {
		faults = append(faults, s.mariadb.Stop(ctx))
	}
	if s.redis != nil {
		faults = append(faults, s.redis.Stop(ctx))
	}
	return errors.Join(faults...)
}

// execute runs statements one by one on a connection of their own.
func execute(ctx context.Context, url string, statements ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to a private server: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is left unwritten
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	return nil
}
