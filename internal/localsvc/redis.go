package localsvc

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// RedisOptions says how a private Redis server is started. Only Dir is
// required.
type RedisOptions struct {
	Dir      string   // the server's own folder; absent, empty or left by an earlier run
	Listen   string   // loopback addresses, separated by commas; "" is 127.0.0.1
	Password string   // without blanks; "" is a random one
	Persist  bool     // append-only file, written before each answer; otherwise Restart starts empty
	Args     []string // more arguments of redis-server, such as "--maxmemory", "64mb"
}

// A Redis is a running private server.
type Redis struct {
	*server

	password string
}

// StartRedis starts a server and returns when it has answered. ctx bounds the
// start, not the life of the server; the caller calls Stop.
func StartRedis(ctx context.Context, opts RedisOptions) (*Redis, error) {
	addrs, err := splitAddrs(opts.Listen)
	if err != nil {
		return nil, err
	}
	bin, err := ensure(ctx, findRedis, redisPackage)
	if err != nil {
		return nil, err
	}
	f, err := claimFolder(ctx, opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	r := &Redis{password: cmp.Or(opts.Password, rand.Text()), server: &server{
		name: "redis", folder: f, addrs: addrs, quick: syscall.SIGKILL, orderly: syscall.SIGTERM,
	}}
	if !opts.Persist {
		r.orderly = syscall.SIGKILL // there is nothing to write, and SIGTERM takes 100 ms
	}
	r.command = func() *exec.Cmd { return r.redisServer(bin, opts) }
	r.answers = r.ping
	if err := os.Mkdir(f.data(), 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("make data folder: %w", err), f.remove())
	}
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// URL is redis:// with the password and database 0.
func (r *Redis) URL() string { return "redis://:" + r.password + "@" + r.Addr() + "/0" }

func (r *Redis) redisServer(bin string, opts RedisOptions) *exec.Cmd {
	//nolint:noctx // the server outlives the call that starts it; Stop ends it
	cmd := exec.Command(bin, append([]string{"-"}, opts.Args...)...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.Stdin = strings.NewReader(r.config(opts)) // arguments are there for everybody to read
	cmd.SysProcAttr = diesWithParent(syscall.SIGKILL)
	return cmd
}

func (r *Redis) config(opts RedisOptions) string {
	return strings.Join([]string{
		"port " + strconv.Itoa(r.port),
		"bind " + strings.Join(r.addrs, " "),
		"requirepass " + r.password,
		"dir " + strconv.Quote(r.folder.data()),
		"daemonize no",
		`save ""`,
		"appendonly " + yesNo(opts.Persist),
		"appendfsync always",
		"",
	}, "\n")
}

// ping asks for the number of the process, so that a stranger on the port is
// not taken for our server.
func (r *Redis) ping(ctx context.Context) error {
	dialer := net.Dialer{Timeout: askTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", r.Addr())
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(askTimeout)); err != nil {
		return err
	}
	question := "AUTH " + r.password + "\r\nPING\r\nINFO server\r\nQUIT\r\n"
	if _, err := conn.Write([]byte(question)); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	return expectLines(conn, "+PONG", "process_id:"+strconv.Itoa(r.proc.pid()))
}

// expectLines reads until all lines have come, in that order, or the server has
// closed. A server that still loads its data answers PING with an error.
func expectLines(conn net.Conn, expected ...string) error {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) != expected[0] {
			continue
		}
		if expected = expected[1:]; len(expected) == 0 {
			return nil
		}
	}
	return errors.Join(errors.New("the answer is not that of our server"), lines.Err())
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// findRedis returns the path of redis-server.
func findRedis() (string, error) {
	return findProgram("redis-server", "/usr/bin", "/usr/local/bin", "/usr/sbin")
}
