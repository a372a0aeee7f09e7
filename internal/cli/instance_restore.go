package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// restoreFlags are those of instance restore.
type restoreFlags struct {
	name, credential string
	activate         bool
}

func (a *app) instanceRestoreCommand() *cobra.Command {
	var f restoreFlags
	cmd := a.command("restore ID", "Bring a removed server back, with its history", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.restoreInstance(ctx, args[0], &f) })
	cmd.Long = "Brings a removed server back as it was, but inactive. Its id is in the list of\n" +
		"dbfleet instance list --deleted. When its name was taken meanwhile it needs --name;\n" +
		"when its login was removed, --credential."
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "another `NAME`")
	flags.StringVar(&f.credential, "credential", "", "another `CREDENTIAL`, by name or id")
	flags.BoolVar(&f.activate, "activate", false, "sync it again from now on")
	return cmd
}

func (a *app) restoreInstance(ctx context.Context, named string, f *restoreFlags) error {
	id, err := parseID("an instance", named)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	body := client.InstanceRestore{Name: optional(f.name), Active: optional(f.activate)}
	if f.credential != "" {
		login, err := c.findCredential(ctx, f.credential)
		if err != nil {
			return err
		}
		body.CredentialId = &login
	}
	back, err := read[client.Instance](c.RestoreInstanceWithResponse(ctx, id, body))
	if err != nil {
		return calledBy("--credential", "credential_id", err)
	}
	return show(a, back, func(v client.Instance) {
		a.out.printf("Instance %s is back, id %d, active: %s.\n", v.Name, v.Id, yesNo(v.Active))
	})
}
