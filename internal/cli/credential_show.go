package cli

import (
	"context"
	"encoding/json"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) credentialShowCommand() *cobra.Command {
	limit := defaultLimit
	cmd := a.command("show NAME|ID", "Show a login and the servers that use it", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.showCredential(ctx, args[0], limit) })
	limitFlag(cmd, &limit)
	return cmd
}

// credentialShown is the answer of credential show: two of the API's.
type credentialShown struct {
	Credential json.RawMessage `json:"credential"`
	Instances  list            `json:"instances"`
}

func (a *app) showCredential(ctx context.Context, named string, limit int) error {
	if err := checkLimit(limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findCredential(ctx, named)
	if err != nil {
		return err
	}
	login, err := read[client.Credential](c.GetCredentialWithResponse(ctx, id))
	if err != nil {
		return err
	}
	users, err := collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		return c.ListCredentialInstancesWithResponse(ctx, id, &client.ListCredentialInstancesParams{Limit: limit, Cursor: cursor})
	})
	if err != nil {
		return err
	}
	if a.json {
		a.out.json(credentialShown{login.raw, users})
		return nil
	}
	a.describeCredential(login.value)
	if len(users.Items) == 0 && !a.csv {
		return nil
	}
	a.out.write("\n")
	t := &table{header: []string{"ID", "NAME", "ENGINE", "ADDRESS", "ACTIVE"}, drop: []string{"ENGINE", "ACTIVE"}, keep: []string{"NAME", "ADDRESS"}}
	return showList(a, users, t, func(v client.Instance) []string {
		return []string{number(v.Id), v.Name, string(v.Engine), net.JoinHostPort(v.Host, strconv.Itoa(v.Port)), yesNo(v.Active)}
	})
}

func (a *app) describeCredential(v client.Credential) {
	a.out.printf("Credential %d: %s\n", v.Id, v.Name)
	t := &table{indent: 2}
	t.add("user name", v.Username)
	t.add("version", number(v.Version))
	t.add("sealed for key", v.KeyId)
	t.add("instances", number(v.Instances))
	t.add("added", a.when(&v.CreatedAt))
	t.add("changed", a.when(&v.UpdatedAt))
	a.facts(t)
}
