package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) instanceCommand() *cobra.Command {
	return a.group("instance", "Database servers under care", a.instanceAddCommand(), a.instanceListCommand(),
		a.instanceShowCommand(), a.instanceUpdateCommand(), a.instanceRemoveCommand(), a.instanceRestoreCommand(),
		a.instanceActivateCommand("activate", "Sync servers again", client.BulkActionActivate),
		a.instanceActivateCommand("deactivate", "Do not sync servers for now", client.BulkActionDeactivate),
		a.instanceTagCommand(), a.instanceImportCommand(), a.instanceCheckCommand(), a.instanceExportCommand())
}

func engines() []string {
	return words(client.EnginePostgresql, client.EngineMysql, client.EngineSqlserver, client.EngineOracle)
}

// instanceFlags are those of instance add and instance update.
type instanceFlags struct {
	host, credential, database, caFile, serverName, hostKey string
	port                                                    int
	tags                                                    []string
	engine, tlsMode                                         *choice

	inactive bool    // of add
	name     string  // of update
	active   *toggle // of update
}

// register adds the flags that both commands have.
func (f *instanceFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.engine = choiceFlag(cmd, "engine", "", "kind of server", engines()...)
	flags.StringVar(&f.host, "host", "", "`HOST` by name or address")
	flags.IntVar(&f.port, "port", 0, "`PORT` (default: the engine's own)")
	flags.StringVar(&f.credential, "credential", "", "`CREDENTIAL` to log in with, by name or id")
	flags.StringVar(&f.database, "database", "", "`DATABASE` to connect to first (default: the engine's own)")
	f.tlsMode = choiceFlag(cmd, "tls-mode", "", "how to protect the connection (default verify-full)", tlsModes()...)
	flags.StringVar(&f.caFile, "tls-ca", "", "`FILE` of PEM certificates to trust, for verify-full and verify-ca (default: the workers' own)")
	flags.StringVar(&f.serverName, "tls-server-name", "", "`NAME` to ask for, and for verify-full in the certificate (default: the host)")
	flags.StringVar(&f.hostKey, "host-key", "", "instances of one `KEY` share one limit (default: the host)")
	flags.StringSliceVar(&f.tags, "tag", nil, "`TAG`; may be given more than once")
}

func (a *app) instanceAddCommand() *cobra.Command {
	var f instanceFlags
	cmd := a.command("add NAME --engine ENGINE --host HOST --credential NAME", "Register a server", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.addInstance(ctx, args[0], &f) })
	f.register(cmd)
	cmd.Flags().BoolVar(&f.inactive, "inactive", false, "register it, but do not sync it yet")
	for _, name := range []string{"engine", "host", "credential"} {
		must(cmd.MarkFlagRequired(name))
	}
	return cmd
}

func (a *app) addInstance(ctx context.Context, name string, f *instanceFlags) error {
	body, err := f.body(name)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	if body.CredentialId, err = c.findCredential(ctx, f.credential); err != nil {
		return err
	}
	made, err := read[client.Instance](c.CreateInstanceWithResponse(ctx, body))
	if err != nil {
		return err
	}
	return show(a, made, func(v client.Instance) {
		a.out.printf("Instance %s registered, id %d. Sync it with: dbfleet sync start --id %d --watch\n", v.Name, v.Id, v.Id)
	})
}

func (f *instanceFlags) body(name string) (client.InstanceCreate, error) {
	ca, err := readCertificates(f.caFile)
	if err != nil {
		return client.InstanceCreate{}, err
	}
	body := client.InstanceCreate{
		Name: name, Engine: client.Engine(f.engine.value), Host: f.host, Port: optional(f.port), Database: optional(f.database),
		TlsMode: given[client.TLSMode](f.tlsMode), TlsCa: optional(ca), TlsServerName: optional(f.serverName), HostKey: optional(f.hostKey),
	}
	if len(f.tags) > 0 {
		body.Tags = &f.tags
	}
	if f.inactive {
		body.Active = new(false)
	}
	return body, nil
}

const maxCertificates = 64 << 10 // bytes; the API's

func readCertificates(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read --tls-ca: %w", err)
	}
	defer func() { _ = file.Close() }() // was only read
	pem, err := io.ReadAll(io.LimitReader(file, maxCertificates+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read --tls-ca: %w", err)
	case len(pem) > maxCertificates:
		return "", fmt.Errorf("read --tls-ca: %s is over %d bytes", path, maxCertificates)
	case strings.Contains(string(pem), "PRIVATE KEY"):
		return "", fmt.Errorf("read --tls-ca: %s holds a private key: give certificates only", path)
	}
	return string(pem), nil
}

func tlsModes() []string {
	return words(client.TLSModeVerifyFull, client.TLSModeVerifyCa, client.TLSModeRequire, client.TLSModeDisable)
}

// instanceFilter is the flags of instance list.
type instanceFilter struct {
	tag, name string
	limit     int
	engine    *choice
	tlsMode   *choice
	active    *toggle
	deleted   bool
}

// register adds the flags that list and export have.
func (f *instanceFilter) register(cmd *cobra.Command) {
	f.engine = choiceFlag(cmd, "engine", "", "only this kind", engines()...)
	f.tlsMode = choiceFlag(cmd, "tls-mode", "", "only those that connect in this mode", tlsModes()...)
	f.active = toggleFlag(cmd, "active", "only active ones; --active=false: only the others")
	cmd.Flags().StringVar(&f.tag, "tag", "", "only those with this `TAG`")
	cmd.Flags().StringVar(&f.name, "name", "", "only those with this `TEXT` in their name")
	cmd.Flags().BoolVar(&f.deleted, "deleted", false, "those that were removed")
}

func (a *app) instanceListCommand() *cobra.Command {
	var f instanceFilter
	cmd := a.command("list", "List servers", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.listInstances(ctx, f.limit, client.ListInstancesParams{
			Engine: given[client.Engine](f.engine), Tag: optional(f.tag), Name: optional(f.name), Active: f.active.value,
			TlsMode: given[client.TLSMode](f.tlsMode), Deleted: optional(f.deleted),
		})
	})
	f.register(cmd)
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) listInstances(ctx context.Context, limit int, params client.ListInstancesParams) error {
	if err := checkLimit(limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	l, err := collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		params.Limit, params.Cursor = limit, cursor
		return c.ListInstancesWithResponse(ctx, &params)
	})
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"ID", "NAME", "ENGINE", "VERSION", "ADDRESS", "TLS", "ACTIVE", "CONTACT", "TAGS"},
		drop:   []string{"ENGINE", "VERSION", "CONTACT", "ACTIVE", "TLS"},
		keep:   []string{"NAME", "ADDRESS"},
		wrap:   true,
	}
	return showList(a, l, t, func(v client.Instance) []string {
		address := net.JoinHostPort(v.Host, strconv.Itoa(v.Port))
		return []string{
			number(v.Id), v.Name, string(v.Engine), orDash(v.Version), address, string(v.TlsMode), yesNo(v.Active),
			string(v.Contact), orDash(strings.Join(v.Tags, " ")),
		}
	})
}

func (a *app) instanceRemoveCommand() *cobra.Command {
	return a.command("remove NAME|ID", "Remove a server; what was found on it stays", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.removeInstance(ctx, args[0]) })
}

func (a *app) removeInstance(ctx context.Context, named string) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findInstance(ctx, named)
	if err != nil {
		return err
	}
	if err := accepted(c.DeleteInstanceWithResponse(ctx, id)); err != nil {
		return err
	}
	a.showRemoved(id, "Instance "+named+" removed. Its history stays.")
	return nil
}
