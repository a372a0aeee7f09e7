package localsvc

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// MariaDBOptions says how a private MariaDB server is started. Only Dir is
// required.
type MariaDBOptions struct {
	Dir      string            // the server's own folder; absent, empty or left by an earlier run
	Listen   string            // loopback addresses, separated by commas; "" is 127.0.0.1
	Settings map[string]string // options of mariadbd without the dashes; they win over the others here
	CertFile string            // PEM; TLS is on when it is set
	KeyFile  string            // PEM, the key of CertFile
}

// A MariaDB is a running private server. Its superuser root@localhost has a
// random password; there is no other account but the server's own.
type MariaDB struct {
	*server

	password string
}

// Names inside the folder.
const (
	initName = "init.sql" // statements that the server runs before it listens
	tmpName  = "tmp"
)

// StartMariaDB starts a server and returns when it has answered. ctx bounds
// the start, not the life of the server; the caller calls Stop.
func StartMariaDB(ctx context.Context, opts MariaDBOptions) (*MariaDB, error) {
	addrs, err := splitAddrs(opts.Listen)
	if err != nil {
		return nil, err
	}
	bin, err := ensure(ctx, findMariaDB, mariadbPackages()...)
	if err != nil {
		return nil, err
	}
	f, err := claimFolder(ctx, opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("start mariadb: %w", err)
	}
	// Stop removes the data, so that nothing is lost by ending at once.
	m := &MariaDB{password: rand.Text(), server: &server{
		name: "mariadb", folder: f, addrs: addrs, quick: syscall.SIGKILL, orderly: syscall.SIGKILL,
	}}
	m.command = func() *exec.Cmd { return m.mariadbd(bin, opts) }
	m.answers = m.ping
	if err := m.install(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start mariadb: %w", err), f.remove())
	}
	if err := m.start(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// Config is how the superuser logs in to one database without TLS; "" is none.
// It contains the password. The caller may change it.
func (m *MariaDB) Config(database string) *mysql.Config {
	return m.ConfigFor("root", m.password, database)
}

// ConfigFor is Config for another account.
func (m *MariaDB) ConfigFor(user, password, database string) *mysql.Config {
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", m.Addr()
	c.User, c.Passwd, c.DBName = user, password, database
	c.Logger = &mysql.NopLogger{}
	return c
}

// Exec runs statements one by one as the superuser, on one connection to a
// database; "" is none.
func (m *MariaDB) Exec(ctx context.Context, database string, statements ...string) error {
	connector, err := mysql.NewConnector(m.Config(database))
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.200s: %w", statement, err)
		}
	}
	return nil
}

// Lines runs a query as the superuser and returns its only column as text.
func (m *MariaDB) Lines(ctx context.Context, query string) ([]string, error) {
	connector, err := mysql.NewConnector(m.Config(""))
	if err != nil {
		return nil, fmt.Errorf("configure: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%.200s: %w", query, err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, fmt.Errorf("%.200s: %w", query, err)
		}
		all = append(all, line)
	}
	return all, rows.Err()
}

// install makes the data folder and the statements of initName.
func (m *MariaDB) install(ctx context.Context) error {
	script, err := findProgram("mariadb-install-db", "/usr/bin", "/usr/local/bin")
	if err != nil {
		return err
	}
	tmp := m.folder.file(tmpName) // servers that share one take each other's files
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return fmt.Errorf("make folder for temporary files: %w", err)
	}
	args := []string{
		"--no-defaults", "--datadir=" + m.folder.data(), "--tmpdir=" + tmp, "--auth-root-authentication-method=normal",
		"--skip-test-db", "--skip-name-resolve", "--innodb-flush-method=nosync", "--innodb-log-file-size=4M",
	}
	cmd := exec.CommandContext(ctx, script, append(args, asRoot()...)...)
	setMariaDB(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w: %s", err, lastLines(string(out), 30)) // advice comes last
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name of this machine: %w", err)
	}
	// The script makes root once per name of this machine, without a password.
	statements := "DROP USER IF EXISTS root@'127.0.0.1', root@'::1', root@'" + strings.ToLower(host) + "';\n" +
		"ALTER USER root@localhost IDENTIFIED BY '" + m.password + "';\n"
	return os.WriteFile(m.folder.file(initName), []byte(statements), 0o600)
}

func (m *MariaDB) mariadbd(bin string, opts MariaDBOptions) *exec.Cmd {
	args := slices.Concat([]string{
		"--no-defaults", "--datadir=" + m.folder.data(), "--init-file=" + m.folder.file(initName),
		"--port=" + strconv.Itoa(m.port), "--bind-address=" + strings.Join(m.addrs, ","),
		"--socket=mysql.sock", // in the data folder; an absolute path could be too long
		"--tmpdir=" + m.folder.file(tmpName),
		"--pid-file=mysql.pid", "--skip-log-error", "--skip-log-bin",
		"--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--innodb-flush-method=nosync",
		"--innodb-flush-log-at-trx-commit=0", "--aria-pagecache-buffer-size=8M", "--key-buffer-size=1M",
		"--character-set-server=utf8mb4", "--default-time-zone=+00:00",
	}, asRoot())
	if opts.CertFile != "" {
		args = append(args, "--ssl-cert="+opts.CertFile, "--ssl-key="+opts.KeyFile)
	}
	for name, value := range opts.Settings {
		args = append(args, "--"+name+"="+value)
	}
	//nolint:noctx // the server outlives the call that starts it; Stop ends it
	cmd := exec.Command(bin, args...)
	setMariaDB(cmd)
	return cmd
}

// asRoot is what lets the server run as root; without it, it refuses.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// setMariaDB gives a command an environment without the caller's settings.
func setMariaDB(cmd *exec.Cmd) {
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = diesWithParent(syscall.SIGKILL)
}

// ping asks for the data folder, so that a stranger on the port is not taken
// for our server.
func (m *MariaDB) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("over %s", askTimeout))
	defer cancel()
	connector, err := mysql.NewConnector(m.Config(""))
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	var dir string
	if err := db.QueryRowContext(ctx, "SELECT @@datadir").Scan(&dir); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	if filepath.Clean(dir) != m.folder.data() {
		return fmt.Errorf("another server answers, with data in %s", dir)
	}
	return nil
}

// findMariaDB returns the path of mariadbd.
func findMariaDB() (string, error) {
	return findProgram("mariadbd", "/usr/sbin", "/usr/local/sbin")
}
