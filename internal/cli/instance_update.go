package cli

import (
	"context"
	"reflect"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) instanceUpdateCommand() *cobra.Command {
	var f instanceFlags
	var cmd *cobra.Command
	cmd = a.command("update NAME|ID", "Change a server", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			body, err := f.changes(cmd)
			if err != nil {
				return err
			}
			return a.updateInstance(ctx, args[0], f.credential, body)
		})
	cmd.Long = "Changes what is given and leaves the rest. An empty text returns to the default,\n" +
		"such as --tls-ca ''; --tag replaces all tags, and --tag '' leaves none."
	f.register(cmd)
	withoutDefaults(cmd)
	cmd.Flags().StringVar(&f.name, "name", "", "new `NAME`")
	f.active = toggleFlag(cmd, "active", "sync it; --active=false: do not")
	return cmd
}

// changes returns what the user gave. The credential is still to be looked up;
// when one was given, its id is 0.
func (f *instanceFlags) changes(cmd *cobra.Command) (client.InstanceUpdate, error) {
	ca, err := readCertificates(f.caFile)
	if err != nil {
		return client.InstanceUpdate{}, err
	}
	body := client.InstanceUpdate{
		Name: ifChanged(cmd, "name", f.name), Engine: given[client.Engine](f.engine), Host: ifChanged(cmd, "host", f.host),
		Port: ifChanged(cmd, "port", f.port), Database: ifChanged(cmd, "database", f.database),
		CredentialId: ifChanged(cmd, "credential", int64(0)), TlsMode: given[client.TLSMode](f.tlsMode),
		TlsCa: ifChanged(cmd, "tls-ca", ca), TlsServerName: ifChanged(cmd, "tls-server-name", f.serverName),
		HostKey: ifChanged(cmd, "host-key", f.hostKey), Tags: ifChanged(cmd, "tag", f.tags), Active: f.active.value,
	}
	if reflect.ValueOf(body).IsZero() {
		return client.InstanceUpdate{}, usagef("what is to change? dbfleet instance update --help lists the flags")
	}
	return body, nil
}

func (a *app) updateInstance(ctx context.Context, named, credential string, body client.InstanceUpdate) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findInstance(ctx, named)
	if err != nil {
		return err
	}
	if body.CredentialId != nil {
		if *body.CredentialId, err = c.findCredential(ctx, credential); err != nil {
			return err
		}
	}
	made, err := read[client.Instance](c.UpdateInstanceWithResponse(ctx, id, body))
	if err != nil {
		return err
	}
	return show(a, made, func(v client.Instance) {
		a.out.printf("Instance %s changed.\n", v.Name)
		if v.Active {
			a.out.printf("Sync it with: dbfleet sync start --id %d --watch\n", v.Id)
		}
	})
}
