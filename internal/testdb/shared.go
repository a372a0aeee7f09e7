package testdb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/migrations"
)

// maxConns is enough for the pools of many parallel tests and their apps.
const maxConns = 400

// shared is the server of this test process. It is a variable because the
// tests of a process share it and testing.M passes nothing on to them; only
// Suite.Run and sharedServer touch it.
var shared process

// A process is the state behind Postgres and Empty in one test process.
type process struct {
	once  sync.Once
	suite bool // TestMain calls Main: somebody will end the server
	root  string
	err   error

	server    *localsvc.Postgres // nil when Env gave one
	superuser string
	template  string
}

// Runner is what testing.M has.
type Runner interface{ Run() int }

// A Suite runs the tests and ends the shared server after them. It is a
// Runner itself, for goleak.VerifyTestMain(testdb.Suite{M: m}).
type Suite struct{ M Runner }

// Main runs the tests of a package, ends the shared server, and exits.
func Main(m *testing.M) { os.Exit(Suite{M: m}.Run()) }

// Run runs the tests, ends the shared server, and returns the exit code.
func (s Suite) Run() int {
	shared.suite = true
	code := s.M.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		return max(code, 1)
	}
	return code
}

func sharedServer(t testing.TB) *process {
	t.Helper()
	if !shared.suite {
		t.Fatal("the package needs: func TestMain(m *testing.M) { testdb.Main(m) }")
	}
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		shared.err = shared.start(ctx)
	})
	if shared.err != nil {
		t.Fatalf("the tests' Postgres: %v", shared.err)
	}
	return &shared
}

// start starts the server, unless one is given, and makes the template.
func (p *process) start(ctx context.Context) error {
	p.superuser = os.Getenv(Env)
	if p.superuser == "" {
		if err := p.startOwn(ctx); err != nil {
			return err
		}
	}
	p.template = "template_" + unique()
	if err := exec(ctx, p.superuser, "CREATE DATABASE "+quote(p.template)); err != nil {
		return fmt.Errorf("create template: %w", err)
	}
	return Migrate(ctx, withDatabase(p.superuser, p.template))
}

func (p *process) startOwn(ctx context.Context) error {
	sweep()
	root, err := os.MkdirTemp("", tempPrefix+"*")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	p.root = root
	p.server, err = localsvc.StartPostgres(ctx, localsvc.PostgresOptions{
		Dir: filepath.Join(root, postgresName), MaxConns: maxConns, Fast: true,
	})
	if err != nil {
		return err
	}
	p.superuser = p.server.URL("")
	return nil
}

// stop undoes start, also a start that failed halfway.
func (p *process) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	if p.server != nil {
		return errors.Join(p.server.Stop(ctx), os.RemoveAll(p.root))
	}
	if p.template != "" {
		return exec(ctx, p.superuser, "DROP DATABASE IF EXISTS "+quote(p.template)+" WITH (FORCE)")
	}
	if p.root != "" {
		return os.RemoveAll(p.root)
	}
	return nil
}

// Migrate applies all migrations to the database of the URL.
func Migrate(ctx context.Context, dsn string) error {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("parse URL: %w", err)
	}
	db := stdlib.OpenDB(*config)
	defer func() { _ = db.Close() }()
	_, err = migrations.Up(ctx, db)
	return err
}

// unique returns a name part that no other test process has.
func unique() string { return strings.ToLower(rand.Text()[:12]) }
