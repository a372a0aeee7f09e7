package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/user"
)

func (a *app) userCommand() *cobra.Command {
	return a.group("user", "Who may log in, and with which role",
		a.userAddCommand(), a.userListCommand(), a.userShowCommand(), a.userRoleCommand(),
		a.userAbleCommand("disable", "Refuse a user's tokens from now on", true),
		a.userAbleCommand("enable", "Let a disabled user log in again, with the tokens it had", false))
}

func (a *app) userAddCommand() *cobra.Command {
	var role *choice
	cmd := a.command("add NAME --role ROLE", "Add a user, who has no token yet", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			return a.addUser(ctx, args[0], client.Role(role.value))
		})
	role = choiceFlag(cmd, "role", "", "what the user may do", words(user.Roles()...)...)
	must(cmd.MarkFlagRequired("role"))
	return cmd
}

func (a *app) addUser(ctx context.Context, name string, role client.Role) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	made, err := read[client.User](c.CreateUserWithResponse(ctx, client.UserCreate{Name: name, Role: role}))
	if err != nil {
		return err
	}
	return show(a, made, func(u client.User) {
		a.out.printf("User %s (%s) added, id %d. Make a token with: dbfleet token create --user %s\n", u.Name, u.Role, u.Id, u.Name)
	})
}

// userFilter is the flags of user list.
type userFilter struct {
	role     *choice
	disabled *toggle
	limit    int
}

func (a *app) userListCommand() *cobra.Command {
	var f userFilter
	cmd := a.command("list", "List users", cobra.NoArgs, func(ctx context.Context, _ []string) error { return a.listUsers(ctx, &f) })
	f.role = choiceFlag(cmd, "role", "", "only of this role", words(user.Roles()...)...)
	f.disabled = toggleFlag(cmd, "disabled", "only those who may not log in; =false only those who may")
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) listUsers(ctx context.Context, f *userFilter) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	params := client.ListUsersParams{Role: given[client.Role](f.role), Disabled: f.disabled.value}
	l, err := c.users(ctx, f.limit, params)
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"ID", "NAME", "ROLE", "STATUS", "LAST USED", "CREATED"},
		drop:   []string{"CREATED", "LAST USED"},
		keep:   []string{"NAME", "ROLE"},
	}
	return showList(a, l, t, func(u client.User) []string {
		return []string{number(u.Id), u.Name, string(u.Role), userStatus(u), a.when(u.LastUsedAt), a.when(&u.CreatedAt)}
	})
}

func (c *api) users(ctx context.Context, limit int, params client.ListUsersParams) (list, error) {
	return collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		params.Limit, params.Cursor = limit, cursor
		return c.ListUsersWithResponse(ctx, &params)
	})
}

func userStatus(u client.User) string {
	if u.DisabledAt != nil {
		return "disabled"
	}
	return "enabled"
}

// findUser returns the id of a user named by its id or its name. Digits alone
// are an id.
func (c *api) findUser(ctx context.Context, named string) (int64, error) {
	if isNumber(named) {
		return parseID("a user", named)
	}
	return findNamed("user", named, func() (answer, error) {
		return c.ListUsersWithResponse(ctx, &client.ListUsersParams{Name: &named})
	}, func(v client.User) (string, int64) { return v.Name, v.Id })
}

func (a *app) userShowCommand() *cobra.Command {
	return a.command("show NAME|ID", "Show a user", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.withUser(ctx, args[0], func(c *api, id int64) (answer, error) { return c.GetUserWithResponse(ctx, id) })
	})
}

func (a *app) userRoleCommand() *cobra.Command {
	cmd := a.command("role NAME|ID ROLE", "Give a user another role: viewer, operator or admin", cobra.ExactArgs(2),
		func(ctx context.Context, args []string) error {
			role, err := user.ParseRole("ROLE", args[1])
			if err != nil {
				return usagef("%v", err)
			}
			return a.changeUser(ctx, args[0], client.UserUpdate{Role: new(client.Role(role))})
		})
	cmd.Long = "Gives a user another role, from its next request on. The last admin who may log\nin stays one."
	return cmd
}

func (a *app) userAbleCommand(verb, short string, disabled bool) *cobra.Command {
	return a.command(verb+" NAME|ID", short, cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.changeUser(ctx, args[0], client.UserUpdate{Disabled: &disabled})
	})
}

func (a *app) changeUser(ctx context.Context, named string, change client.UserUpdate) error {
	return a.withUser(ctx, named, func(c *api, id int64) (answer, error) { return c.UpdateUserWithResponse(ctx, id, change) })
}

// withUser does something with a named user and shows the user as it is then.
func (a *app) withUser(ctx context.Context, named string, ask func(c *api, id int64) (answer, error)) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findUser(ctx, named)
	if err != nil {
		return err
	}
	got, err := read[client.User](ask(c, id))
	if err != nil {
		return err
	}
	return show(a, got, a.describeUser)
}

func (a *app) describeUser(u client.User) {
	a.out.printf("User %d: %s\n", u.Id, u.Name)
	t := &table{indent: 2}
	t.add("role", string(u.Role))
	t.add("status", userStatus(u))
	if u.DisabledAt != nil {
		t.add("disabled", a.when(u.DisabledAt))
	}
	t.add("created", a.when(&u.CreatedAt))
	t.add("last used", a.when(u.LastUsedAt))
	a.facts(t)
}
