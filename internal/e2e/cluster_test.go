package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

const (
	targetUser     = "dbfleet"
	targetPassword = "CANARY-target-password-7f3a"
)

// cluster is one whole system on its own servers: Postgres, Redis, and one
// Postgres that plays the targets.
type cluster struct {
	t        *testing.T
	dir      string
	postgres *localsvc.Postgres
	url      string
	redis    *localsvc.Redis
	target   *localsvc.Postgres
	pool     *pgxpool.Pool
	store    *store.Store
	public   secret.PublicKey
	keyFile  string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir()}
	c.postgres, c.url = testdb.Server(t, localsvc.PostgresOptions{MaxConns: 200})
	c.redis = testdb.Redis(t)
	c.target = testdb.Target(t, localsvc.PostgresOptions{
		MaxConns: 300, Settings: map[string]string{"log_connections": "on", "log_disconnections": "on"},
	})
	pool, err := pgxpool.New(t.Context(), c.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	c.pool, c.store = pool, store.New(pool)
	c.store.Serves = session.Serves{session.Account: {fleet.PostgreSQL}}
	c.makeKeys()
	c.targetSQL(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", targetUser, targetPassword))
	return c
}

func (c *cluster) makeKeys() {
	c.t.Helper()
	key, err := secret.NewPrivateKey()
	if err != nil {
		c.t.Fatal(err)
	}
	line, err := key.Line()
	if err != nil {
		c.t.Fatal(err)
	}
	c.public, c.keyFile = key.Public(), filepath.Join(c.dir, "private.key")
	if err := os.WriteFile(c.keyFile, []byte(line.Reveal()+"\n"), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// targetSQL runs statements on the target as its superuser.
func (c *cluster) targetSQL(statements ...string) {
	c.t.Helper()
	conn, err := pgxpool.New(c.t.Context(), c.target.URL(""))
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	for _, sql := range statements {
		if _, err := conn.Exec(c.t.Context(), sql); err != nil {
			c.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// env is the environment of every process; extra entries win.
func (c *cluster) env(extra ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir,
		"DBFLEET_DATABASE_URL=" + c.url,
		"DBFLEET_REDIS_URL=" + c.redis.URL(),
		"DBFLEET_PUBLIC_KEY=" + c.public.String(),
		"DBFLEET_PRIVATE_KEY_FILE=" + c.keyFile,
		"DBFLEET_TARGET_ALLOW=127.0.0.0/8:*",
		"DBFLEET_HTTP_ADDR=127.0.0.1:0",
		"DBFLEET_MONITOR_ADDR=127.0.0.1:0",
		"DBFLEET_LOG_FORMAT=json",
	}, extra...)
}

// addCredential stores the target's login, sealed as the API does it.
func (c *cluster) addCredential(name, password string) int64 {
	c.t.Helper()
	ctx := c.t.Context()
	var id int64
	err := c.pool.QueryRow(ctx, "SELECT nextval(pg_get_serial_sequence('credentials', 'id'))").Scan(&id)
	if err != nil {
		c.t.Fatal(err)
	}
	sealed, err := c.public.Seal(fleet.PasswordBinding(fleet.CredentialID(id), 1), secret.New(password))
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = c.pool.Exec(ctx, "INSERT INTO credentials (id, name, username, sealed, key_id) VALUES ($1, $2, $3, $4, $5)",
		id, name, targetUser, sealed, string(c.public.ID()))
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

// addInstances registers n rows of one server; each has its own host key unless
// one is given.
func (c *cluster) addInstances(n int, prefix, host string, port int, credential int64, hostKey string) {
	c.t.Helper()
	_, err := c.pool.Exec(c.t.Context(), `
		INSERT INTO instances (name, engine, host, port, credential_id, tls_mode, host_key)
		SELECT format('%s-%s', $2::text, lpad(i::text, 5, '0')), 'postgresql', $3, $4, $5, 'disable',
		       CASE $6::text WHEN '' THEN format('%s-%s', $2::text, i) ELSE $6::text END
		FROM generate_series(1, $1::int) AS i`, n, prefix, host, port, credential, hostKey)
	if err != nil {
		c.t.Fatal(err)
	}
}

// startSession asks for a session over all instances.
func (c *cluster) startSession() session.ID {
	c.t.Helper()
	by := int64(0)
	s, _, err := c.store.CreateSession(c.t.Context(), session.Request{
		Category: session.Account, Selector: session.Selector{All: true}, CreatedBy: &by,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return s.ID
}

// await polls until done reports true; what is waited for is named in the failure.
func (c *cluster) await(what string, limit time.Duration, done func(ctx context.Context) bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done(ctx) {
		select {
		case <-ctx.Done():
			c.t.Fatalf("%s: not within %s", what, limit)
		case <-tick.C:
		}
	}
}

// awaitEnd waits until the session has ended and returns it.
func (c *cluster) awaitEnd(id session.ID, limit time.Duration) session.Session {
	c.t.Helper()
	var last session.Session
	c.await("session to end", limit, func(ctx context.Context) bool {
		s, err := c.store.Session(ctx, id)
		if err == nil {
			last = s
		}
		return err == nil && s.Status.Terminal()
	})
	return last
}

// awaitCounts waits until the session's counts satisfy done.
func (c *cluster) awaitCounts(id session.ID, what string, limit time.Duration, done func(session.Counts) bool) {
	c.t.Helper()
	c.await(what, limit, func(ctx context.Context) bool {
		s, err := c.store.Session(ctx, id)
		return err == nil && done(s.Counts)
	})
}

// scan reads one value from DBFleet's own database.
func scan[T any](c *cluster, sql string, args ...any) T {
	c.t.Helper()
	var v T
	if err := c.pool.QueryRow(c.t.Context(), sql, args...).Scan(&v); err != nil {
		c.t.Fatalf("%s: %v", strings.TrimSpace(sql), err)
	}
	return v
}

// targetCount reads one number from the target as its superuser.
func (c *cluster) targetCount(sql string) int {
	c.t.Helper()
	pool, err := pgxpool.New(c.t.Context(), c.target.URL(""))
	if err != nil {
		c.t.Fatal(err)
	}
	defer pool.Close()
	var n int
	if err := pool.QueryRow(c.t.Context(), sql).Scan(&n); err != nil {
		c.t.Fatal(err)
	}
	return n
}
