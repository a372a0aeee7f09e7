package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) holdCommand() *cobra.Command {
	return a.group("hold", "Changes too big to believe, which wait for your word",
		a.holdListCommand(), a.holdShowCommand(),
		a.holdDecideCommand("confirm", "Say that the change is real", (*api).confirmHold),
		a.holdDecideCommand("reject", "Say that the change is not real: what is stored stays", (*api).rejectHold))
}

const anyStatus = "any"

// holdFilter is the flags of hold list.
type holdFilter struct {
	status   *choice
	instance string
	limit    int
}

func (a *app) holdListCommand() *cobra.Command {
	var f holdFilter
	cmd := a.command("list", "List holds; without --status those that are open", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.listHolds(ctx, &f) })
	f.status = choiceFlag(cmd, "status", string(client.HoldStatusOpen), "which", append(words(client.HoldStatusOpen,
		client.HoldStatusConfirmed, client.HoldStatusRejected, client.HoldStatusSuperseded), anyStatus)...)
	cmd.Flags().StringVar(&f.instance, "instance", "", "only of this `INSTANCE`, by name or id")
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) listHolds(ctx context.Context, f *holdFilter) error {
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
	l, err := collect(ctx, f.limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		params.Limit, params.Cursor = limit, cursor
		return c.ListHoldsWithResponse(ctx, &params)
	})
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"ID", "INSTANCE", "REASON", "STATUS", "MISSING", "SEEN", "SINCE"},
		drop:   []string{"SEEN", "SINCE"},
		keep:   []string{"INSTANCE"},
	}
	return showList(a, l, t, func(h client.Hold) []string {
		return []string{
			number(h.Id), h.InstanceName, string(h.Reason), string(h.Status),
			number(h.MissingCount) + " of " + number(h.KnownCount), number(h.TimesSeen), a.when(&h.CreatedAt),
		}
	})
}

func (f *holdFilter) params(ctx context.Context, c *api) (client.ListHoldsParams, error) {
	var params client.ListHoldsParams
	if f.status.value != anyStatus {
		params.Status = given[client.HoldStatus](f.status)
	}
	if f.instance == "" {
		return params, nil
	}
	id, err := c.findInstance(ctx, f.instance)
	params.InstanceId = &id
	return params, err
}

func (a *app) holdShowCommand() *cobra.Command {
	return a.command("show ID", "Show a hold", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		hold, c, err := a.withHold(ctx, args[0], (*api).getHold)
		if err != nil || a.json {
			return err
		}
		return a.showMissing(ctx, c, hold)
	})
}

func (a *app) holdDecideCommand(verb, short string, ask holdRequest) *cobra.Command {
	return a.command(verb+" ID", short, cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		hold, c, err := a.withHold(ctx, args[0], ask)
		if err != nil || a.json {
			return err
		}
		if err := a.showMissing(ctx, c, hold); err != nil { // the decision is made all the same
			a.err.printf("The decision is stored. The names of the missing accounts could not be read: %v\n", err)
		}
		return nil
	})
}

type holdRequest func(c *api, ctx context.Context, id int64) (answer, error) // a method of api

func (c *api) getHold(ctx context.Context, id int64) (answer, error) {
	return c.GetHoldWithResponse(ctx, id)
}

func (c *api) confirmHold(ctx context.Context, id int64) (answer, error) {
	return c.ConfirmHoldWithResponse(ctx, id)
}

func (c *api) rejectHold(ctx context.Context, id int64) (answer, error) {
	return c.RejectHoldWithResponse(ctx, id)
}

// withHold asks for a hold, or for a decision about it, and prints it.
func (a *app) withHold(ctx context.Context, named string, ask holdRequest) (h client.Hold, c *api, err error) {
	id, err := parseID("a hold", named)
	if err != nil {
		return h, nil, err
	}
	if c, err = a.connect(); err != nil {
		return h, nil, err
	}
	hold, err := read[client.Hold](ask(c, ctx, id))
	if err != nil {
		return h, nil, err
	}
	return hold.value, c, show(a, hold, a.describeHold)
}

// showMissing names accounts that a hold is about; it may take many requests.
func (a *app) showMissing(ctx context.Context, c *api, h client.Hold) error {
	if h.Reason != client.HoldReasonMassDisappearance {
		return nil
	}
	missing, err := c.missingNames(ctx, h)
	if err != nil {
		return err
	}
	a.out.printf("\nAmong the missing: %s\n", orDash(strings.Join(missing, ", ")))
	return nil
}

const maxMissing = 20 // names that hold show prints

// missingNames returns the names of the accounts that a hold is about, at most
// maxMissing. It asks for page after page until it has found them.
func (c *api) missingNames(ctx context.Context, h client.Hold) ([]string, error) {
	params := client.ListAccountsParams{InstanceId: &h.InstanceId, Limit: new(maxPage), Deleted: new(true)}
	wanted := min(len(h.Missing), maxMissing)
	var found []string
	for len(found) < wanted {
		page, err := read[client.AccountPage](c.ListAccountsWithResponse(ctx, &params))
		if err != nil {
			return nil, err
		}
		for _, one := range page.value.Items {
			if slices.Contains(h.Missing, one.Identity) && len(found) < wanted {
				found = append(found, accountName(one.Name, one.Host))
			}
		}
		if page.value.NextCursor == nil || text(params.Cursor) == *page.value.NextCursor {
			break
		}
		params.Cursor = page.value.NextCursor
	}
	return found, nil
}

// stored is when the held change was, or will be, stored.
func (a *app) stored(h client.Hold) string {
	if h.Status == client.HoldStatusConfirmed && h.AppliedAt == nil {
		return "with the next complete read"
	}
	return a.when(h.AppliedAt)
}

func (a *app) describeHold(h client.Hold) {
	a.out.printf("Hold %d on %s: %s\n", h.Id, h.InstanceName, h.Status)
	t := &table{indent: 2}
	t.add("reason", string(h.Reason))
	switch h.Reason {
	case client.HoldReasonIdentityChanged:
		t.add("server was", orDash(h.OldIdentity))
		t.add("server is", orDash(h.NewIdentity))
	case client.HoldReasonMassDisappearance:
		t.add("missing", number(h.MissingCount)+" of "+number(h.KnownCount)+" accounts")
	}
	t.add("session", h.SessionId.String())
	t.add("since", a.when(&h.CreatedAt))
	t.add("last seen", a.when(&h.SeenAt)+", complete reads that agree: "+number(h.TimesSeen))
	if h.DecidedAt != nil {
		t.add("decided", a.when(h.DecidedAt))
		t.add("stored", a.stored(h))
	}
	if h.LapsedAt != nil {
		t.add("lapsed", a.when(h.LapsedAt)+", when the server showed something else")
	}
	a.facts(t)
	if h.Status == client.HoldStatusOpen {
		a.out.printf("\nDecide with: dbfleet hold confirm %d  or  dbfleet hold reject %d\n", h.Id, h.Id)
	}
}
