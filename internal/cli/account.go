package cli

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) accountCommand() *cobra.Command {
	return a.group("account", "Accounts and privileges on the servers, as last read",
		a.accountListCommand(), a.accountShowCommand(), a.accountHistoryCommand(), a.accountDiffCommand())
}

// accountFilter is the flags of account list. engine, kind and the toggles know
// themselves whether they were given.
type accountFilter struct {
	instance                            string
	engine, kind                        *choice
	superuser, locked, canLogin, system *toggle
	params                              client.ListAccountsParams
	texts                               []textFlag
	deleted                             bool
	limit                               int
}

// textFlag is a flag whose text goes to the API as it is.
type textFlag struct {
	value string
	to    **string
}

func (a *app) accountListCommand() *cobra.Command {
	f := &accountFilter{}
	cmd := a.command("list", "Search accounts", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.listAccounts(ctx, f) })
	cmd.Long = "List accounts, of one instance or the whole fleet. With --privilege, --object or --database only those that one grant of their own " +
		"gives it: what comes by membership in a role does not count, but the role is found itself. " +
		"In MySQL a database is the schema of its tables, and the object of a grant of type database."
	cmd.Flags().StringVar(&f.instance, "instance", "", "only of this `INSTANCE`, by name or id")
	f.engine = choiceFlag(cmd, "engine", "", "only on this engine", engines()...)
	f.kind = choiceFlag(cmd, "kind", "", "only this kind",
		words(client.AccountKindUser, client.AccountKindRole, client.AccountKindPublic)...)
	f.superuser = toggleFlag(cmd, "superuser", "only superusers; --superuser=false: only the others")
	f.locked = toggleFlag(cmd, "locked", "only those that somebody has locked; --locked=false: only the others")
	f.canLogin = toggleFlag(cmd, "can-login", "only those that may log in; --can-login=false: only the others")
	f.system = toggleFlag(cmd, "system", "only those that the server made itself; --system=false: only the others")
	f.textFlags(cmd)
	cmd.Flags().BoolVar(&f.deleted, "deleted", false, "also those that are gone")
	limitFlag(cmd, &f.limit)
	return cmd
}

func (f *accountFilter) textFlags(cmd *cobra.Command) {
	p := &f.params
	flags := []struct {
		name, usage string
		to          **string
	}{
		{"tag", "only on instances with this `TAG`", &p.Tag},
		{"name", "only those of exactly this `NAME`", &p.Name},
		{"contains", "only those with this `TEXT` in their name, in any case", &p.NameContains},
		{"privilege", "only those with this `PRIVILEGE`, in the server's words; OWNER finds owners", &p.Privilege},
		{"object", "only those with a privilege on this `OBJECT`: a table, schema, database …", &p.Object},
		{"object-type", "with one of these three: of this `TYPE`, such as table", &p.ObjectType},
		{"database", "only those with a privilege in this `DATABASE`", &p.Database},
		{"schema", "with one of these three: in this `SCHEMA`", &p.Schema},
		{"column", "with one of these three: on this `COLUMN`", &p.Column},
	}
	f.texts = make([]textFlag, len(flags))
	for i, flag := range flags {
		f.texts[i].to = flag.to
		cmd.Flags().StringVar(&f.texts[i].value, flag.name, "", flag.usage)
	}
}

func (a *app) listAccounts(ctx context.Context, f *accountFilter) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	params, err := f.ask(ctx, c)
	if err != nil {
		return err
	}
	l, err := c.accounts(ctx, f.limit, params)
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"ID", "INSTANCE", "NAME", "KIND", "LOGIN", "LOCKED", "SUPERUSER", "ROLES", "GRANTS", "VALID UNTIL", "GONE SINCE"},
		drop:   []string{"ROLES", "GRANTS", "VALID UNTIL", "KIND", "LOCKED"},
		keep:   []string{"INSTANCE", "NAME"},
	}
	return showList(a, l, t, func(v client.Account) []string {
		return []string{
			number(v.Id), v.InstanceName, accountName(v.Name, v.Host), string(v.Kind), yesNo(v.CanLogin), yesNo(v.Locked), yesNo(v.Superuser),
			number(v.MembershipCount), number(v.GrantCount), a.validUntil(v.ValidUntil), a.when(v.DeletedAt),
		}
	})
}

// ask returns what the flags ask for.
func (f *accountFilter) ask(ctx context.Context, c *api) (client.ListAccountsParams, error) {
	for _, flag := range f.texts {
		*flag.to = optional(flag.value)
	}
	params := f.params
	detail := cmp.Or(params.ObjectType, params.Schema, params.Column)
	if detail != nil && cmp.Or(params.Privilege, params.Object, params.Database) == nil {
		return params, usagef("--object-type, --schema and --column go with --privilege, --object or --database")
	}
	params.Engine, params.Kind = given[client.Engine](f.engine), given[client.AccountKind](f.kind)
	params.Superuser, params.Locked, params.CanLogin = f.superuser.value, f.locked.value, f.canLogin.value
	params.System, params.Deleted = f.system.value, optional(f.deleted)
	if f.instance == "" {
		return params, nil
	}
	id, err := c.findInstance(ctx, f.instance)
	params.InstanceId = &id
	return params, err
}

func (c *api) accounts(ctx context.Context, limit int, params client.ListAccountsParams) (list, error) {
	return collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		params.Limit, params.Cursor = limit, cursor
		return c.ListAccountsWithResponse(ctx, &params)
	})
}

func accountName(name, host string) string {
	if host == "" {
		return name
	}
	return name + "@" + host
}

func (a *app) validUntil(t *time.Time) string {
	switch {
	case t == nil:
		return "-"
	case t.After(a.now()):
		return a.when(t)
	}
	return a.when(t) + " (expired)"
}
