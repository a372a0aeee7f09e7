package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/internal/user"
)

func (a *app) tokenCommand() *cobra.Command {
	return a.group("token", "Make tokens of the API, in the database", a.tokenCreateCommand())
}

// tokenFlags are those of token create.
type tokenFlags struct {
	user, name, expires string
	role                *choice
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var f tokenFlags
	cmd := a.command("create --user NAME --role ROLE", "Make a token and print it, once", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			expires, err := parseExpiry(f.expires)
			if err != nil {
				return err
			}
			return a.createToken(ctx, TokenRequest{User: f.user, Role: user.Role(f.role.value), Name: f.name, Expires: expires})
		})
	cmd.Long = "Makes a token in the database at DBFLEET_DATABASE_URL, and its user when there\n" +
		"is none of that name. The token is printed on standard output and stored\n" +
		"hashed: nobody can show it again."
	f.role = choiceFlag(cmd, "role", "", "what the user may do", words(user.Roles()...)...)
	cmd.Flags().StringVar(&f.user, "user", "", "name of the user it belongs to")
	cmd.Flags().StringVar(&f.name, "name", "", "what the token is for")
	cmd.Flags().StringVar(&f.expires, "expires", "90d", "how long it is valid, such as 90d or 12h, or never")
	must(cmd.MarkFlagRequired("user"))
	must(cmd.MarkFlagRequired("role"))
	return cmd
}

func (a *app) createToken(ctx context.Context, request TokenRequest) error {
	token, err := a.local.CreateToken(ctx, request)
	if err != nil {
		return err
	}
	if a.json {
		a.out.json(map[string]string{"token": token.Reveal()})
		return nil
	}
	a.out.write(token.Reveal() + "\n")
	a.err.write("It is not shown again. Use it with: export DBFLEET_TOKEN=…\n")
	return nil
}
