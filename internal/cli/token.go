package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/user"
)

func (a *app) tokenCommand() *cobra.Command {
	return a.group("token", "What users log in to the API with", a.tokenCreateCommand(), a.tokenListCommand(), a.tokenRevokeCommand())
}

// tokenFlags are those of token create.
type tokenFlags struct {
	user, name, expires string
	role                *choice
	local               bool
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var f tokenFlags
	cmd := a.command("create --user NAME", "Make a token and print it, once", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.createToken(ctx, &f) })
	cmd.Long = `Makes a token for a user and prints it on standard output. It is stored hashed:
nobody can show it again.

Without --local it asks the API, as an admin, and the user must be there (see
dbfleet user add). With --local it opens the database at DBFLEET_DATABASE_URL
itself and makes the user, too, with --role. That is for the first token, and
for the day when no admin has a valid one.`
	f.role = choiceFlag(cmd, "role", "", "with --local, what the user may do", words(user.Roles()...)...)
	cmd.Flags().BoolVar(&f.local, "local", false, "make it in the database, without the API")
	cmd.Flags().StringVar(&f.user, "user", "", "`NAME` of the user it belongs to")
	cmd.Flags().StringVar(&f.name, "name", "", "`TEXT` that says what the token is for")
	cmd.Flags().StringVar(&f.expires, "expires", "90d", "how long it is valid: `SPAN` such as 90d or 12h, or never")
	must(cmd.MarkFlagRequired("user"))
	return cmd
}

func (a *app) createToken(ctx context.Context, f *tokenFlags) error {
	expires, err := parseExpiry(f.expires)
	switch {
	case err != nil:
		return err
	case f.local && f.role.value == "":
		return usagef("--local makes the user, too: give its --role")
	case f.local:
		return a.createLocalToken(ctx, TokenRequest{User: f.user, Role: user.Role(f.role.value), Name: f.name, Expires: expires})
	case f.role.value != "":
		return usagef("--role is for --local, which makes the first token in the database; " +
			"through the API a token has the role of its user: dbfleet user add NAME --role ROLE")
	}
	return a.issueToken(ctx, f, expires)
}

func (a *app) createLocalToken(ctx context.Context, request TokenRequest) error {
	token, err := a.local.CreateToken(ctx, request)
	if err != nil {
		return err
	}
	if a.json {
		a.out.json(map[string]string{"token": token.Reveal()})
		return nil
	}
	a.printToken(token.Reveal())
	return nil
}

func (a *app) issueToken(ctx context.Context, f *tokenFlags, expires time.Duration) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findUser(ctx, f.user)
	if err != nil {
		return err
	}
	body := client.TokenCreate{Name: optional(f.name)}
	if expires > 0 {
		body.ExpiresAt = new(a.now().Add(expires).UTC())
	}
	made, err := read[client.TokenCreated](c.CreateTokenWithResponse(ctx, id, body))
	if err != nil {
		return err
	}
	return show(a, made, func(t client.TokenCreated) { a.printToken(t.Token) })
}

func (a *app) printToken(token string) {
	a.out.write(safe(token) + "\n")
	a.err.write("It is not shown again. Use it with: export DBFLEET_TOKEN=…\n")
}

// tokenFilter is the flags of token list.
type tokenFilter struct {
	user  string
	all   bool
	limit int
}

func (a *app) tokenListCommand() *cobra.Command {
	var f tokenFilter
	cmd := a.command("list", "List your tokens; an admin also those of others", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.listTokens(ctx, &f) })
	cmd.Flags().StringVar(&f.user, "user", "", "those of this `USER`, by name or id")
	cmd.Flags().BoolVar(&f.all, "all", false, "those of all users")
	cmd.MarkFlagsMutuallyExclusive("user", "all")
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) listTokens(ctx context.Context, f *tokenFilter) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	next, err := f.pages(ctx, c)
	if err != nil {
		return err
	}
	l, err := collect(ctx, f.limit, next)
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"ID", "USER", "NAME", "STATUS", "EXPIRES", "LAST USED", "CREATED"},
		drop:   []string{"CREATED", "EXPIRES", "LAST USED"},
		keep:   []string{"USER", "STATUS"},
	}
	return showList(a, l, t, func(v client.Token) []string {
		return []string{
			number(v.Id), v.UserName, orDash(v.Name), a.tokenStatus(v), a.when(v.ExpiresAt), a.when(v.LastUsedAt), a.when(&v.CreatedAt),
		}
	})
}

func (f *tokenFilter) pages(ctx context.Context, c *api) (fetch, error) {
	if f.user == "" && !f.all {
		return func(ctx context.Context, limit *int, cursor *string) (answer, error) {
			return c.ListMyTokensWithResponse(ctx, &client.ListMyTokensParams{Limit: limit, Cursor: cursor})
		}, nil
	}
	var params client.ListTokensParams
	if f.user != "" {
		id, err := c.findUser(ctx, f.user)
		if err != nil {
			return nil, err
		}
		params.UserId = &id
	}
	return func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		params.Limit, params.Cursor = limit, cursor
		return c.ListTokensWithResponse(ctx, &params)
	}, nil
}

func (a *app) tokenStatus(t client.Token) string {
	switch {
	case t.RevokedAt != nil:
		return "revoked"
	case t.ExpiresAt != nil && !t.ExpiresAt.After(a.now()):
		return "expired"
	}
	return "valid"
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	var others bool
	cmd := a.command("revoke ID", "Revoke a token of yours; an admin also one of others", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.revokeToken(ctx, args[0], others) })
	cmd.Long = "Revokes a token from its next use on. ID is the number in its text, as in\n" +
		"dbf_31_…, and in the first column of dbfleet token list."
	cmd.Flags().BoolVar(&others, "any", false, "whoever it belongs to")
	return cmd
}

func (a *app) revokeToken(ctx context.Context, named string, others bool) error {
	id, err := parseID("a token", named)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	if others {
		err = accepted(c.RevokeTokenWithResponse(ctx, id))
	} else {
		err = accepted(c.RevokeMyTokenWithResponse(ctx, id))
	}
	if err != nil {
		return err
	}
	a.showRemoved(id, "Token "+named+" revoked.")
	return nil
}
