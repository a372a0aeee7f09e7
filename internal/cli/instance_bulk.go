package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// bulkFlags say which instances to change, and whether to.
type bulkFlags struct {
	selectorFlags

	dryRun bool
}

const bulkHelp = `Changes every server that is selected, active or not: all of them or none. Where
one that is named is not there, nothing is changed.
` + selectorHelp

func (f *bulkFlags) register(cmd *cobra.Command) {
	cmd.Long = bulkHelp
	f.selectorFlags.register(cmd)
	cmd.Flags().Lookup("all").Usage = "every server, active or not"
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "count, and change nothing")
}

// instances is the selection; names are looked up by the API.
func (f *bulkFlags) instances() client.InstanceSelector {
	s := client.InstanceSelector{All: optional(f.all)}
	if len(f.ids) > 0 {
		s.Ids = &f.ids
	}
	if len(f.selectorFlags.instances) > 0 {
		s.Names = &f.selectorFlags.instances
	}
	if len(f.tags) > 0 {
		s.Tags = &f.tags
	}
	s.Engines = wordList[client.Engine](f.engines)
	return s
}

func (a *app) instanceTagCommand() *cobra.Command {
	return a.group("tag", "Tags of servers", a.tagListCommand(),
		a.tagChangeCommand("add", "Add tags to servers", client.BulkActionAddTags),
		a.tagChangeCommand("remove", "Take tags away from servers", client.BulkActionRemoveTags))
}

func (a *app) tagListCommand() *cobra.Command {
	limit := defaultLimit
	cmd := a.command("list", "List tags with how many servers carry them", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.listTags(ctx, limit) })
	limitFlag(cmd, &limit)
	return cmd
}

func (a *app) listTags(ctx context.Context, limit int) error {
	if err := checkLimit(limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	l, err := collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		return c.ListTagsWithResponse(ctx, &client.ListTagsParams{Limit: limit, Cursor: cursor})
	})
	if err != nil {
		return err
	}
	t := &table{header: []string{"TAG", "INSTANCES"}, keep: []string{"TAG"}}
	return showList(a, l, t, func(v client.TagCount) []string { return []string{v.Tag, number(v.Instances)} })
}

func (a *app) tagChangeCommand(verb, short string, action client.BulkAction) *cobra.Command {
	var f bulkFlags
	cmd := a.command(verb+" TAG… "+selectorUse, short, cobra.MinimumNArgs(1), func(ctx context.Context, args []string) error {
		return a.changeInstances(ctx, &f, client.InstanceBulk{Action: action, Tags: &args})
	})
	f.register(cmd)
	return cmd
}

func (a *app) instanceActivateCommand(verb, short string, action client.BulkAction) *cobra.Command {
	var f bulkFlags
	cmd := a.command(verb+" "+selectorUse, short, cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.changeInstances(ctx, &f, client.InstanceBulk{Action: action})
	})
	f.register(cmd)
	return cmd
}

func (a *app) changeInstances(ctx context.Context, f *bulkFlags, body client.InstanceBulk) error {
	if err := f.check(); err != nil {
		return err
	}
	body.Selector, body.DryRun = f.instances(), optional(f.dryRun)
	c, err := a.connect()
	if err != nil {
		return err
	}
	if f.names() && !f.dryRun {
		if err := c.checkNames(ctx, body); err != nil {
			return err
		}
	}
	done, err := read[client.InstanceBulkResult](c.ChangeInstancesWithResponse(ctx, body))
	if err != nil {
		return err
	}
	if a.json {
		a.out.json(done.raw)
	} else {
		a.describeBulk(done.value)
	}
	return unknownOf(done.value)
}

// names reports whether single instances are named, one of which may not be there.
func (f *bulkFlags) names() bool { return len(f.ids)+len(f.selectorFlags.instances) > 0 }

// checkNames refuses a change of instances that are not all there, before any
// is changed: the API changes the others.
func (c *api) checkNames(ctx context.Context, body client.InstanceBulk) error {
	body.DryRun = new(true)
	would, err := read[client.InstanceBulkResult](c.ChangeInstancesWithResponse(ctx, body))
	if err != nil {
		return err
	}
	if err := unknownOf(would.value); err != nil {
		return fmt.Errorf("%w; nothing was changed", err)
	}
	return nil
}

func (a *app) describeBulk(v client.InstanceBulkResult) {
	if v.DryRun {
		a.out.printf("Servers that would change: %s\n", thousands(int64(v.Changed)))
		return
	}
	a.out.printf("Servers changed: %s\n", thousands(int64(v.Changed)))
}

// unknownOf names what was selected and is not there; nil when all of it is.
func unknownOf(v client.InstanceBulkResult) error {
	const most = 10
	var unknown []string
	for _, id := range v.UnknownIds {
		unknown = append(unknown, "id "+number(id))
	}
	for _, name := range v.UnknownNames {
		unknown = append(unknown, fmt.Sprintf("%q", name))
	}
	if len(unknown) == 0 {
		return nil
	}
	list := strings.Join(unknown[:min(len(unknown), most)], ", ")
	if rest := len(unknown) - most; rest > 0 {
		list += fmt.Sprintf(" and %d more", rest)
	}
	return fmt.Errorf("there is no instance %s", list)
}
