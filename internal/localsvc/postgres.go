package localsvc

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// askTimeout bounds one question whether a server serves.
const askTimeout = 2 * time.Second

// PostgresOptions says how a private Postgres server is started. Only Dir is
// required.
type PostgresOptions struct {
	Dir      string            // the server's own folder; absent, empty or left by an earlier run
	Listen   string            // loopback addresses, separated by commas; "" is 127.0.0.1
	Settings map[string]string // lines of postgresql.conf; they win over the others here
	HBA      []string          // lines of pg_hba.conf, put before ours
	MaxConns int               // max_connections; 0 is 100
	CertFile string            // PEM; TLS is on when it is set
	KeyFile  string            // PEM, the key of CertFile
	Fast     bool              // no fsync: data survive Restart, not a crash of the machine
	BinDir   string            // folder of initdb and postgres; "" finds or installs them
}

// A Postgres is a running private server with the superuser postgres, whose
// password is random: who may log in as him may run programs as the account
// that the server has outside.
type Postgres struct {
	*server

	bin      string // folder of the programs
	password string
}

// StartPostgres starts a server and returns when it has answered. ctx bounds
// the start, not the life of the server; the caller calls Stop.
func StartPostgres(ctx context.Context, opts PostgresOptions) (*Postgres, error) {
	addrs, err := splitAddrs(opts.Listen)
	if err != nil {
		return nil, err
	}
	if opts.BinDir == "" {
		if opts.BinDir, err = ensure(ctx, findPostgres, postgresPackage); err != nil {
			return nil, err
		}
	}
	f, err := claimFolder(ctx, opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	password := rand.Text()
	as, err := initPostgres(ctx, f, opts, addrs, password)
	if err != nil {
		_ = f.remove() // the first error says more
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	p := &Postgres{bin: opts.BinDir, password: password, server: &server{
		name: "postgres", folder: f, addrs: addrs, quick: syscall.SIGQUIT, orderly: syscall.SIGINT,
	}}
	p.command = func() *exec.Cmd { return p.postmaster(opts.BinDir, as) }
	p.answers = p.ping
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// URL is the connection string of the superuser for one database; "" is the
// database postgres. It contains the password.
func (p *Postgres) URL(database string) string {
	return p.URLFor("postgres", p.password, database)
}

// URLFor is the connection string of a user without TLS; a password of "" is
// left out, a database of "" is postgres. It contains the password.
func (p *Postgres) URLFor(user, password, database string) string {
	return postgresURL(p.Addr(), user, password, database)
}

// Tool returns the command of a program that came with the server, such as
// pg_dump. It connects to one database as the superuser; "" is the database
// postgres. The name may hold any characters.
func (p *Postgres) Tool(ctx context.Context, database, program string, args ...string) *exec.Cmd {
	if database == "" {
		database = "postgres"
	}
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC", "PGCLIENTENCODING=UTF8", "PGSSLMODE=disable",
		"PGHOST=" + p.Host(), "PGPORT=" + strconv.Itoa(p.Port()), "PGUSER=postgres", "PGPASSWORD=" + p.password,
		"PGDATABASE=" + database,
	}
	return cmd
}

// initPostgres creates and configures the data folder.
func initPostgres(ctx context.Context, f *folder, opts PostgresOptions, addrs []string, password string) (runAs, error) {
	as, err := postgresAccount(ctx, f)
	if err != nil {
		return nil, err
	}
	// Beside the data, where the account can read it; initdb wants an empty folder.
	file := filepath.Join(filepath.Dir(f.data()), "password")
	if err := writeFor(file, password, f.data()); err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(file) }() // the folder's end takes it otherwise
	cmd := exec.CommandContext(ctx, filepath.Join(opts.BinDir, "initdb"), "-D", f.data(),
		"-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256", "--pwfile", file,
		"--no-sync", "--no-instructions")
	asServer(cmd, as, syscall.SIGKILL)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return as, configure(f.data(), opts, addrs)
}

func (p *Postgres) postmaster(bin string, as runAs) *exec.Cmd {
	//nolint:noctx // the server outlives the call that starts it; Stop ends it
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", p.folder.data(), "-p", strconv.Itoa(p.port))
	asServer(cmd, as, p.quick)
	return cmd
}

// asServer gives a command the account and an environment without the
// caller's settings for Postgres. sig ends it when we die.
func asServer(cmd *exec.Cmd, as runAs, sig syscall.Signal) {
	cmd.Dir = "/" // ours may be closed to the account
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = diesWithParent(sig)
	as(cmd.SysProcAttr)
}

// ping asks for the data folder, so that a stranger on the port is not taken
// for our server.
func (p *Postgres) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("over %s", askTimeout))
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var dir string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&dir); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	if dir != p.folder.data() {
		return fmt.Errorf("another server answers, with data in %s", dir)
	}
	return nil
}
