package localsvc

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// within bounds a test's waiting; nothing here takes more than seconds, on a
// machine that does nothing else.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func startPostgres(t *testing.T, opts PostgresOptions) *Postgres {
	t.Helper()
	opts.Fast = true
	if opts.Dir == "" {
		opts.Dir = filepath.Join(t.TempDir(), "pg")
	}
	p, err := StartPostgres(within(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, p.server) })
	return p
}

func startRedis(t *testing.T, opts RedisOptions) *Redis {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = filepath.Join(t.TempDir(), "redis")
	}
	r, err := StartRedis(within(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, r.server) })
	return r
}

func stopServer(t *testing.T, s *server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(within(t), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestPostgresRestartKeepsPortAndData(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, PostgresOptions{})
	ctx := within(t)
	if _, err := connect(t, p.URL("")).Exec(ctx, "CREATE TABLE kept AS SELECT 7 AS n"); err != nil {
		t.Fatal(err)
	}
	before := p.Addr()
	if err := p.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if p.Addr() != before {
		t.Errorf("address %s after the restart, %s before", p.Addr(), before)
	}
	var n int
	if err := connect(t, p.URL("")).QueryRow(ctx, "SELECT n FROM kept").Scan(&n); err != nil || n != 7 {
		t.Errorf("n = %d, %v; want 7", n, err)
	}
}

func TestPostgresToolActsAsSuperuser(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, PostgresOptions{})
	name := `o'dd "na me=`
	conn, err := pgx.Connect(within(t), p.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(within(t), "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	out, err := p.Tool(within(t), name, "pg_dump", "--create").CombinedOutput()
	if err != nil || !strings.Contains(string(out), `ALTER DATABASE "o'dd ""na me=" OWNER TO postgres`) {
		t.Errorf("pg_dump: %v, %s", err, out)
	}
}

func TestPostgresKillBreaksConnectionsAndRestartRevives(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, PostgresOptions{})
	ctx := within(t)
	conn := connect(t, p.URL(""))
	if err := p.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "SELECT 1"); err == nil {
		t.Error("the connection survived")
	}
	if err := p.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	connect(t, p.URL(""))
}

func TestStopRemovesFolderAndIsRepeatable(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pg")
	p := startPostgres(t, PostgresOptions{Dir: dir})
	outside := filepath.Dir(p.folder.data())
	for range 2 {
		if err := p.Stop(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	for _, gone := range []string{dir, outside} {
		if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
	if conn, err := pgx.Connect(within(t), p.URL("")); err == nil {
		_ = conn.Close(within(t))
		t.Error("the server still answers")
	}
}

func TestPostgresOptionsTakeEffect(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, PostgresOptions{
		Listen:   "127.0.0.1,127.0.0.2",
		MaxConns: 33,
		Settings: map[string]string{"cluster_name": "it's mine"},
		HBA:      []string{"host all locked all reject"},
	})
	ctx := within(t)
	conn := connect(t, p.URL(""))
	for name, want := range map[string]string{"max_connections": "33", "cluster_name": "it's mine"} {
		var got string
		if err := conn.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", name, got, err, want)
		}
	}
	if _, err := conn.Exec(ctx, "CREATE ROLE locked LOGIN PASSWORD 'p'; CREATE ROLE plain LOGIN PASSWORD 'p'"); err != nil {
		t.Fatal(err)
	}
	connect(t, strings.Replace(p.URLFor("plain", "p", ""), "127.0.0.1", "127.0.0.2", 1))
	for name, dsn := range map[string]string{
		"rejected by the extra line": p.URLFor("locked", "p", ""),
		"wrong password":             p.URLFor("plain", "wrong", ""),
	} {
		if conn, err := pgx.Connect(ctx, dsn); err == nil {
			_ = conn.Close(ctx)
			t.Errorf("%s: logged in", name)
		}
	}
}

func TestPauseFreezesOpenConnections(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, PostgresOptions{})
	conn := connect(t, p.URL(""))
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() {
		_, err := conn.Exec(within(t), "SELECT 1")
		answer <- err
	}()
	select {
	case err := <-answer:
		t.Errorf("answered while paused: %v", err)
	case <-time.After(200 * time.Millisecond): // a negative cannot be waited for
	}
	p.Resume()
	if err := <-answer; err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

func TestStopEndsPausedServer(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, PostgresOptions{})
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(within(t)); err != nil {
		t.Error(err)
	}
}

func TestRedisAnswersWithPassword(t *testing.T) {
	t.Parallel()
	r := startRedis(t, RedisOptions{Password: "p4ss"})
	if got, want := r.URL(), "redis://:p4ss@"+r.Addr()+"/0"; got != want {
		t.Errorf("URL %s, want %s", got, want)
	}
}

func TestRedisRestart(t *testing.T) {
	t.Parallel()
	for name, persist := range map[string]bool{"keeps data": true, "loses data": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRedis(t, RedisOptions{Persist: persist})
			say(t, r, "SET key value", "+OK")
			if err := r.Restart(within(t)); err != nil {
				t.Fatal(err)
			}
			if persist {
				say(t, r, "EXISTS key", ":1")
			} else {
				say(t, r, "EXISTS key", ":0")
			}
		})
	}
}

func say(t *testing.T, r *Redis, command, want string) {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(within(t), "tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("AUTH " + r.password + "\r\n" + command + "\r\nQUIT\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := expectLines(conn, want); err != nil {
		t.Errorf("%s: %v, want %s", command, err, want)
	}
}

func TestStartFailureShowsServersLog(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pg")
	_, err := StartPostgres(within(t), PostgresOptions{Dir: dir, Settings: map[string]string{"no_such_setting": "1"}})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("error %v does not name the setting", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("the folder is still there")
	}
}

func TestListenRefusesOutsideAddresses(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"*", "0.0.0.0", "127.0.0.1,192.0.2.1", "localhost"} {
		if _, err := splitAddrs(listen); err == nil {
			t.Errorf("%q was accepted", listen)
		}
	}
}

// Who gets in as the superuser runs programs as our own account outside.
func TestServersLetNobodyInWithoutThePassword(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, PostgresOptions{})
	for name, password := range map[string]string{"none": "", "a wrong one": "x"} {
		conn, err := pgx.Connect(t.Context(), p.URLFor("postgres", password, ""))
		if err == nil {
			_ = conn.Close(t.Context())
			t.Errorf("password %s: postgres let us in", name)
		}
	}
	r := startRedis(t, RedisOptions{})
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("KEYS *\r\nQUIT\r\n")); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "-NOAUTH") {
		t.Errorf("without a password redis answered %s, %v", answer, err)
	}
}
