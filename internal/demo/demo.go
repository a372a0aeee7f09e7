// Package demo shows DBFleet at work: it starts private servers and the real
// processes below one folder, registers a small fleet, syncs it, changes two
// accounts, and syncs it again. It touches nothing that it did not start, and
// takes everything down at its end.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dbfleet/dbfleet/internal/cli"
)

// Local is what the demo needs of the command line's own operations, on the
// database of the given environment.
type Local func(environ []string) cli.Local

// demo is one run.
type demo struct {
	dir     string // absolute
	bin     string // folder of the programs
	out     io.Writer
	std     cli.Streams
	local   Local
	servers servers
	keys    keys
	env     []string // of every process
	api     string   // URL
	monitor string   // URL
	token   string   // of an admin
}

// Run shows the demo and blocks until ctx ends, or with options.Once until the
// syncs are over.
func Run(ctx context.Context, options cli.DemoOptions, local Local) (err error) {
	d, err := prepare(options, local)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.servers.stop(context.WithoutCancel(ctx))) }()
	if err := d.servers.start(ctx, d.dir, d.say); err != nil {
		return quiet(ctx, options.Once, err)
	}
	defer func() { err = errors.Join(err, d.keys.remove()) }()
	if err := d.install(ctx); err != nil {
		return quiet(ctx, options.Once, err)
	}
	stop, err := d.startProcesses(ctx)
	defer stop()
	if err != nil {
		return quiet(ctx, options.Once, err)
	}
	if err := d.show(ctx); err != nil {
		return quiet(ctx, options.Once, err)
	}
	if options.Once {
		return nil
	}
	d.explain()
	<-ctx.Done()
	d.say("\nStopping everything that the demo started …")
	return nil
}

// errInterrupted ends a demo that was to end by itself.
var errInterrupted = errors.New("interrupted before the syncs were over")

// quiet drops what an interrupt made fail: Ctrl-C is no error, unless somebody
// relies on the exit code of a demo that ends by itself.
func quiet(ctx context.Context, once bool, err error) error {
	switch {
	case ctx.Err() == nil:
		return err
	case once:
		return errInterrupted
	}
	return nil
}

func prepare(options cli.DemoOptions, local Local) (*demo, error) {
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the demo's folder: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "log"), 0o700); err != nil {
		return nil, fmt.Errorf("make the demo's folder: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the programs: %w", err)
	}
	return &demo{dir: dir, bin: filepath.Dir(self), out: options.Streams.Out, std: options.Streams, local: local}, nil
}

// say prints one line to the person who watches.
func (d *demo) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, format+"\n", args...) // a closed terminal must not end the demo half way
}

// show makes the fleet, syncs it, changes three accounts, syncs again, and lets a
// schedule do it a third time.
func (d *demo) show(ctx context.Context) error {
	if err := d.register(ctx); err != nil {
		return err
	}
	d.say("\n── First sync: every account of every instance ──")
	if err := d.sync(ctx); err != nil {
		return err
	}
	d.say("\n── What it found: one account of alpha-001 ──")
	if err := d.showAccount(ctx, "alpha-001", "shop_web"); err != nil {
		return err
	}
	d.say("\n── Two changes on server alpha: GRANT DELETE ON sales.orders TO shop_report; DROP ROLE old_batch ──")
	d.say("── One on gamma, a MariaDB: GRANT SELECT ON crm.calls TO crm_report ──")
	if err := d.servers.change(ctx); err != nil {
		return err
	}
	if err := d.sync(ctx); err != nil {
		return err
	}
	d.say("\nEach row of alpha has one account updated and one deleted, each of gamma one updated; those of beta have none:")
	if err := d.command(ctx, "sync", "list", "--limit", "2"); err != nil {
		return err
	}
	return d.scheduled(ctx)
}

func (d *demo) explain() {
	d.say(`
The demo stays up until Ctrl-C. To look around, in another terminal:

  export DBFLEET_API_URL=%s
  export DBFLEET_TOKEN=%s
  %s account list --instance alpha-001
  %s sync start --all --watch
  %s schedule pause %s

API document       %s/api/v1/openapi.yaml
Sessions           %s/sessions      user: anything, password: the token above
Queues (Asynqmon)  %s/monitoring/   the same
Targets            alpha: psql '%s'
                   beta:  psql '%s'
                   gamma: mariadb -h %s -P %d -u root, password %s
Logs               %s`,
		d.api, d.token, d.program("dbfleet"), d.program("dbfleet"), d.program("dbfleet"), everyMinute, d.api, d.monitor, d.monitor,
		d.servers.alpha.URL(""), d.servers.beta.URL(""),
		d.servers.gamma.Host(), d.servers.gamma.Port(), d.servers.gamma.Config("").Passwd, filepath.Join(d.dir, "log"))
}

func (d *demo) program(name string) string { return filepath.Join(d.bin, name) }
