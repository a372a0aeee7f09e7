package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) credentialCommand() *cobra.Command {
	return a.group("credential", "Logins that DBFleet uses on database servers",
		a.credentialAddCommand(), a.credentialListCommand(), a.credentialShowCommand(), a.credentialUpdateCommand(), a.credentialRemoveCommand())
}

func (a *app) credentialAddCommand() *cobra.Command {
	var username string
	cmd := a.command("add NAME --username USER", "Add a login; its password is asked for", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.addCredential(ctx, args[0], username) })
	cmd.Long = "Adds a login that instances can use. The password is asked for without echo on\n" +
		"a terminal, and else read as one line from standard input:\n" +
		"  dbfleet credential add monitor --username dbfleet < password-file\n" +
		"It is sealed for the workers; nobody can read it back."
	cmd.Flags().StringVar(&username, "username", "", "user `NAME` on the database servers")
	must(cmd.MarkFlagRequired("username"))
	return cmd
}

func (a *app) addCredential(ctx context.Context, name, username string) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	password, err := a.password(ctx, "Password of "+safe(username))
	if err != nil {
		return err
	}
	body := client.CredentialCreate{Name: name, Username: username, Password: new(password.Reveal())}
	made, err := read[client.Credential](c.CreateCredentialWithResponse(ctx, body))
	if err != nil {
		return err
	}
	return show(a, made, func(v client.Credential) {
		a.out.printf("Credential %s added, id %d. Use it with: dbfleet instance add … --credential %s\n", v.Name, v.Id, v.Name)
	})
}

func (a *app) credentialListCommand() *cobra.Command {
	limit := defaultLimit
	cmd := a.command("list", "List logins", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.listCredentials(ctx, limit)
	})
	limitFlag(cmd, &limit)
	return cmd
}

func (a *app) listCredentials(ctx context.Context, limit int) error {
	if err := checkLimit(limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	l, err := collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		return c.ListCredentialsWithResponse(ctx, &client.ListCredentialsParams{Limit: limit, Cursor: cursor})
	})
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"ID", "NAME", "USERNAME", "KEY", "VERSION", "INSTANCES", "UPDATED"},
		drop:   []string{"KEY", "VERSION", "UPDATED"},
		keep:   []string{"NAME", "USERNAME"},
	}
	return showList(a, l, t, func(v client.Credential) []string {
		return []string{number(v.Id), v.Name, v.Username, v.KeyId, number(v.Version), number(v.Instances), a.when(&v.UpdatedAt)}
	})
}

func (a *app) credentialRemoveCommand() *cobra.Command {
	return a.command("remove NAME|ID", "Remove a login that no instance uses", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.removeCredential(ctx, args[0]) })
}

func (a *app) removeCredential(ctx context.Context, named string) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findCredential(ctx, named)
	if err != nil {
		return err
	}
	if err := accepted(c.DeleteCredentialWithResponse(ctx, id)); err != nil {
		return err
	}
	a.showRemoved(id, "Credential "+named+" removed.")
	return nil
}
