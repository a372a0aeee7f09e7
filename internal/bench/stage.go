package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/queue"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/testdb"
	"github.com/dbfleet/dbfleet/internal/user"
)

// stage is what one case of a figure is measured on: a database with DBFleet's
// schema, an empty Redis, and programs that work on them.
type stage struct {
	b          *bench
	figure     string // names the logs
	label      string // what its memory is reported as
	database   string
	env        []string
	pool       *pgxpool.Pool // our own look at the database, as its superuser
	redis      redis.UniversalClient
	programs   []*program
	url        string                      // of the API; "" until startAPI
	api        *client.ClientWithResponses // nil until startAPI
	credential int64
}

// set makes a stage for one case of a figure; "" is its only one. The caller
// calls strike.
func (b *bench) set(ctx context.Context, figure, which string) (*stage, error) {
	b.stages++
	s := &stage{b: b, figure: figure, label: strings.TrimSpace(figure + " " + which), database: fmt.Sprintf("bench_%d", b.stages)}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("set stage: %w", err), s.strike(ctx))
	}
	return s, nil
}

func (s *stage) open(ctx context.Context) error {
	own := s.b.servers.own
	err := execute(ctx, own.URL(""), fmt.Sprintf("CREATE DATABASE %s OWNER %s", s.database, programUser))
	if err != nil {
		return err
	}
	url := own.URLFor(programUser, s.b.servers.password, s.database)
	if err := testdb.Migrate(ctx, url); err != nil {
		return err
	}
	if s.pool, err = pgxpool.New(ctx, own.URL(s.database)); err != nil {
		return fmt.Errorf("open pool: %w", err)
	}
	if err := s.exec(ctx, "CREATE EXTENSION pg_stat_statements"); err != nil {
		return err
	}
	if s.redis, err = queue.Open(s.b.servers.redis.URL()); err != nil {
		return err
	}
	if err := s.redis.FlushAll(ctx).Err(); err != nil {
		return fmt.Errorf("empty redis: %w", err)
	}
	s.env = []string{
		"PATH=/usr/bin:/bin", "HOME=" + s.b.dir,
		"DBFLEET_DATABASE_URL=" + url,
		"DBFLEET_REDIS_URL=" + s.b.servers.redis.URL(),
		"DBFLEET_PUBLIC_KEY=" + s.b.keys.public.String(),
		"DBFLEET_PRIVATE_KEY_FILE=" + s.b.keys.file,
		"DBFLEET_TARGET_ALLOW=127.0.0.0/8:*",
		"DBFLEET_MONITOR_ADDR=127.0.0.1:0",
		"DBFLEET_LOG_FORMAT=json",
	}
	if err := s.liftPace(ctx); err != nil {
		return err
	}
	s.credential, err = s.addCredential(ctx)
	return err
}

// liftPace lets one token ask as often as the figures do; the usual limit is
// that of one person or script.
func (s *stage) liftPace(ctx context.Context) error {
	return s.exec(ctx, `INSERT INTO settings (key, value, updated_by) VALUES ('api.request_rate', '10000', 0), ('api.request_burst', '10000', 0)`)
}

// strike stops the programs, notes their peaks, and drops the database.
func (s *stage) strike(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	s.notePeaks()
	stopAll(ctx, s.programs)
	if s.b.statements {
		s.sayStatements(ctx)
	}
	if s.pool != nil {
		s.pool.Close()
	}
	if s.redis != nil {
		_ = s.redis.Close() // it holds nothing
	}
	return execute(ctx, s.b.servers.own.URL(""), fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", s.database))
}

// struck adds what strike has to say to a figure's own error.
func (s *stage) struck(ctx context.Context, err *error) { *err = errors.Join(*err, s.strike(ctx)) }

// addCredential stores the fleets' login, sealed as the API does it.
func (s *stage) addCredential(ctx context.Context) (int64, error) {
	const id = 1
	sealed, err := s.b.keys.public.Seal(fleet.PasswordBinding(id, 1), secret.New(testdb.FleetPassword))
	if err != nil {
		return 0, err
	}
	return id, s.exec(ctx, `INSERT INTO credentials (id, name, username, sealed, key_id) VALUES ($1, 'fleet', $2, $3, $4)`,
		id, testdb.FleetUser, sealed, string(s.b.keys.public.ID()))
}

// target is where instances point to.
type target struct {
	engine fleet.Engine
	host   string
	port   int
}

// addInstances registers n rows of one target under a tag, each with a host key
// of its own: the limit per host is not what is measured.
func (s *stage) addInstances(ctx context.Context, n int, t target, tag string) error {
	return errors.Join(
		s.exec(ctx, `
			INSERT INTO instances (name, engine, host, port, credential_id, tls_mode, host_key)
			SELECT $2 || '-' || lpad(i::text, 7, '0'), $3, $4, $5, $6, 'disable', $2 || '-' || i
			FROM generate_series(1, $1::integer) i`, n, tag, string(t.engine), t.host, t.port, s.credential),
		s.exec(ctx, `INSERT INTO instance_tags SELECT id, $1 FROM instances WHERE name LIKE $1 || '-%'`, tag),
		s.exec(ctx, `ANALYZE instances, instance_tags`))
}

func (s *stage) exec(ctx context.Context, sql string, args ...any) error {
	if _, err := s.pool.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("%.60s: %w", sql, err)
	}
	return nil
}

// read reads one value of the stage's database.
func read[T any](ctx context.Context, s *stage, sql string, args ...any) (T, error) {
	var v T
	if err := s.pool.QueryRow(ctx, sql, args...).Scan(&v); err != nil {
		return v, fmt.Errorf("%.60s: %w", sql, err)
	}
	return v, nil
}

// callTime is how long one call of the API may take; its own limit is shorter.
const callTime = 45 * time.Second

// connect makes the client of the API at addr, with an operator's token.
func (s *stage) connect(ctx context.Context, addr string) error {
	token, err := store.New(s.pool).CreateToken(ctx, store.NewToken{User: "bench", Role: user.Operator})
	if err != nil {
		return err
	}
	// The load needs more connections at a time than the default keeps.
	transport := &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 1024}
	s.url = "http://" + addr + "/api/v1"
	s.api, err = client.NewClientWithResponses(s.url,
		client.WithHTTPClient(&http.Client{Timeout: callTime, Transport: transport}),
		client.WithRequestEditorFn(client.Bearer(token.Reveal())))
	if err != nil {
		return fmt.Errorf("make API client: %w", err)
	}
	return nil
}
