package demo

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/localsvc"
)

var (
	//go:embed alpha.sql
	alphaSQL string
	//go:embed alpha_shop.sql
	alphaShopSQL string
	//go:embed beta.sql
	betaSQL string
	//go:embed beta_billing.sql
	betaBillingSQL string
	//go:embed gamma.sql
	gammaSQL string
)

// servers are the private servers: DBFleet's own two and three targets.
type servers struct {
	own, alpha, beta *localsvc.Postgres
	gamma            *localsvc.MariaDB
	redis            *localsvc.Redis
	password         string // of the account dbfleet on all targets
}

const targetUser = "dbfleet"

func (s *servers) start(ctx context.Context, dir string, say func(string, ...any)) (err error) {
	if err := localsvc.Ensure(ctx); err != nil {
		return err
	}
	say("Starting private servers below %s …", dir)
	for _, one := range []struct {
		name   string
		server **localsvc.Postgres
	}{{"postgres", &s.own}, {"alpha", &s.alpha}, {"beta", &s.beta}} { // in this order: of two demos the first one has all
		*one.server, err = localsvc.StartPostgres(ctx, localsvc.PostgresOptions{Dir: filepath.Join(dir, one.name), MaxConns: 200})
		if errors.Is(err, localsvc.ErrFolderInUse) {
			return fmt.Errorf("another demo is running in %s: end it first, or run dbfleet demo --dir with another folder", dir)
		}
		if err != nil {
			return err
		}
	}
	s.gamma, err = localsvc.StartMariaDB(ctx, localsvc.MariaDBOptions{Dir: filepath.Join(dir, "gamma")})
	if err != nil {
		return err
	}
	s.redis, err = localsvc.StartRedis(ctx, localsvc.RedisOptions{
		Dir: filepath.Join(dir, "redis"), Args: []string{"--maxmemory-policy", "noeviction"},
	})
	if err != nil {
		return err
	}
	s.password = rand.Text()
	return errors.Join(
		s.fill(ctx, s.alpha, alphaSQL, "shop", alphaShopSQL),
		s.fill(ctx, s.beta, betaSQL, "billing", betaBillingSQL),
		s.fillMariaDB(ctx),
		run(ctx, s.own.URL(""), "CREATE DATABASE dbfleet"),
	)
}

// fill makes the account that DBFleet logs in with, which has no other right,
// and the roles and databases of a target.
func (s *servers) fill(ctx context.Context, server *localsvc.Postgres, roles, database, objects string) error {
	account := fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", targetUser, s.password)
	if err := run(ctx, server.URL(""), account); err != nil {
		return err
	}
	if err := script(ctx, server.URL(""), roles); err != nil {
		return err
	}
	return script(ctx, server.URL(database), objects)
}

// fillMariaDB is fill for gamma.
func (s *servers) fillMariaDB(ctx context.Context) error {
	account := fmt.Sprintf("CREATE USER %s IDENTIFIED BY '%s'", targetUser, s.password)
	return s.gamma.Exec(ctx, "", slices.Concat([]string{account}, mysql.MinimalMariaDB(targetUser), statements(gammaSQL))...)
}

// change makes the three changes that the second sync finds.
func (s *servers) change(ctx context.Context) error {
	return errors.Join(
		run(ctx, s.alpha.URL("shop"), "GRANT DELETE ON sales.orders TO shop_report"),
		run(ctx, s.alpha.URL(""), "DROP ROLE old_batch"),
		s.gamma.Exec(ctx, "", "GRANT SELECT ON crm.calls TO crm_report"),
	)
}

func (s *servers) stop(ctx context.Context) error {
	var faults []error
	for _, server := range []*localsvc.Postgres{s.own, s.alpha, s.beta} {
		if server != nil {
			faults = append(faults, server.Stop(ctx))
		}
	}
	if s.gamma != nil {
		faults = append(faults, s.gamma.Stop(ctx))
	}
	if s.redis != nil {
		faults = append(faults, s.redis.Stop(ctx))
	}
	return errors.Join(faults...)
}

// script runs statements one by one: CREATE DATABASE refuses company.
func script(ctx context.Context, url, sql string) error {
	for _, statement := range statements(sql) {
		if err := run(ctx, url, statement); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, url, sql string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to a server of the demo: %w", err)
	}
	_, err = conn.Exec(ctx, sql)
	if err != nil {
		err = fmt.Errorf("%s: %w", sql, err)
	}
	return errors.Join(err, conn.Close(ctx))
}
