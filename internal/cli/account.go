package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) accountCommand() *cobra.Command {
	return a.group("account", "Accounts and privileges on the servers, as last read",
		a.accountListCommand(), a.accountShowCommand(), a.accountHistoryCommand())
}

// accountFilter is the flags of account list.
type accountFilter struct {
	instance, name, contains string
	kind                     *choice
	superuser                *toggle
	deleted                  bool
	limit                    int
}

func (a *app) accountListCommand() *cobra.Command {
	var f accountFilter
	cmd := a.command("list", "List accounts", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.listAccounts(ctx, &f) })
	cmd.Flags().StringVar(&f.instance, "instance", "", "only of this instance, by name or id")
	cmd.Flags().StringVar(&f.name, "name", "", "only those of exactly this name")
	cmd.Flags().StringVar(&f.contains, "contains", "", "only those with this in their name, in any case")
	f.kind = choiceFlag(cmd, "kind", "", "only this kind",
		words(client.AccountKindUser, client.AccountKindRole, client.AccountKindPublic)...)
	f.superuser = toggleFlag(cmd, "superuser", "only superusers; --superuser=false: only the others")
	cmd.Flags().BoolVar(&f.deleted, "deleted", false, "also those that are gone")
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) listAccounts(ctx context.Context, f *accountFilter) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	params, err := f.params(ctx, c)
	if err != nil {
		return err
	}
	l, err := c.accounts(ctx, f.limit, params)
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"ID", "INSTANCE", "NAME", "KIND", "LOGIN", "SUPERUSER", "ROLES", "GRANTS", "VALID UNTIL", "GONE SINCE"},
		drop:   []string{"ROLES", "GRANTS", "VALID UNTIL", "KIND"},
		keep:   []string{"INSTANCE", "NAME"},
	}
	return showList(a, l, t, func(v client.Account) []string {
		return []string{
			number(v.Id), v.InstanceName, accountName(v.Name, v.Host), string(v.Kind), yesNo(v.CanLogin), yesNo(v.Superuser),
			number(v.MembershipCount), number(v.GrantCount), a.validUntil(v.ValidUntil), a.when(v.DeletedAt),
		}
	})
}

func (f *accountFilter) params(ctx context.Context, c *api) (client.ListAccountsParams, error) {
	params := client.ListAccountsParams{
		Name: optional(f.name), NameContains: optional(f.contains), Kind: given[client.AccountKind](f.kind),
		Superuser: f.superuser.value, Deleted: optional(f.deleted),
	}
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
