package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// credentialFlags are those of credential update.
type credentialFlags struct {
	name, username string
	password       bool
}

func (a *app) credentialUpdateCommand() *cobra.Command {
	var f credentialFlags
	var cmd *cobra.Command
	cmd = a.command("update NAME|ID", "Change a login", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			body := client.CredentialUpdate{Name: ifChanged(cmd, "name", f.name), Username: ifChanged(cmd, "username", f.username)}
			return a.updateCredential(ctx, args[0], body, f.password)
		})
	cmd.Long = "Changes what is given and leaves the rest. A new password is asked for without\n" +
		"echo on a terminal, and else read as one line from standard input:\n" +
		"  dbfleet credential update monitor --password-prompt < password-file\n" +
		"A new user name needs the password again, because both are sealed together."
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "new `NAME`")
	flags.StringVar(&f.username, "username", "", "new user `NAME` on the database servers; its password is asked for")
	flags.BoolVar(&f.password, "password-prompt", false, "ask for a new password")
	return cmd
}

func (a *app) updateCredential(ctx context.Context, named string, body client.CredentialUpdate, ask bool) error {
	ask = ask || body.Username != nil
	if !ask && body.Name == nil {
		return usagef("what is to change? Give --password-prompt, --username or --name")
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findCredential(ctx, named)
	if err != nil {
		return err
	}
	if ask {
		password, err := a.password(ctx, "New password of "+safe(login(named, body.Username)))
		if err != nil {
			return err
		}
		body.Password = new(password.Reveal())
	}
	made, err := read[client.Credential](c.UpdateCredentialWithResponse(ctx, id, body))
	if err != nil {
		return err
	}
	return show(a, made, func(v client.Credential) {
		a.out.printf("Credential %s changed; version %d of its login is in force.\n", v.Name, v.Version)
	})
}

// login says whose password is asked for.
func login(credential string, username *string) string {
	if username == nil {
		return credential
	}
	return *username
}
