package demo

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/dbfleet/dbfleet/internal/cli"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

// keys is the key pair of the demo.
type keys struct {
	public string
	file   string // of the private key
}

// The addresses that the documentation names; taken when nobody has them.
const (
	usualAPI     = "127.0.0.1:8080"
	usualMonitor = "127.0.0.1:8081"
)

// install makes keys, schema, token, and the environment of the processes.
func (d *demo) install(ctx context.Context) error {
	d.say("Making a key pair, the schema and a token …")
	if err := d.makeKeys(); err != nil {
		return err
	}
	api, err := freeAddr(ctx, usualAPI)
	if err != nil {
		return err
	}
	monitor, err := freeAddr(ctx, usualMonitor)
	if err != nil {
		return err
	}
	d.api, d.monitor = "http://"+api, "http://"+monitor
	d.env = d.environment(api, monitor)
	local := d.local(d.env)
	if _, err := local.MigrateUp(ctx); err != nil {
		return err
	}
	token, err := local.CreateToken(ctx, cli.TokenRequest{User: "demo", Role: user.Admin, Name: "demo"})
	if err != nil {
		return err
	}
	d.token = token.Reveal()
	return nil
}

func (d *demo) makeKeys() error {
	key, err := secret.NewPrivateKey()
	if err != nil {
		return err
	}
	line, err := key.Line()
	if err != nil {
		return err
	}
	d.keys = keys{public: key.Public().String(), file: filepath.Join(d.dir, "private.key")}
	if err := os.WriteFile(d.keys.file, []byte(line.Reveal()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the private key: %w", err)
	}
	return nil
}

// remove deletes the private key; the demo's passwords end with its servers.
func (k keys) remove() error {
	if k.file == "" {
		return nil
	}
	return os.Remove(k.file)
}

// environment is what every process of the demo gets, and nothing of the
// caller's own settings.
func (d *demo) environment(api, monitor string) []string {
	allow := fmt.Sprintf("127.0.0.1/32:%d|%d|%d", d.servers.alpha.Port(), d.servers.beta.Port(), d.servers.gamma.Port())
	return []string{
		"PATH=" + d.std.Env("PATH"), "HOME=" + d.std.Env("HOME"),
		"DBFLEET_DATABASE_URL=" + d.servers.own.URL("dbfleet"),
		"DBFLEET_REDIS_URL=" + d.servers.redis.URL(),
		"DBFLEET_HTTP_ADDR=" + api,
		"DBFLEET_MONITOR_ADDR=" + monitor,
		"DBFLEET_PUBLIC_KEY=" + d.keys.public,
		"DBFLEET_PRIVATE_KEY_FILE=" + d.keys.file,
		"DBFLEET_TARGET_ALLOW=" + allow,
	}
}

// freeAddr returns the usual address, or one with a free port when somebody
// has that.
func freeAddr(ctx context.Context, usual string) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", usual)
	if err != nil {
		l, err = lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
