package cli

import (
	"context"
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// startFlags are those of sync start.
type startFlags struct {
	category    *choice
	all, watch  bool
	ids         []int64
	instances   []string
	tags        []string
	engines     []string
	key         string
	maxAttempts int
}

func (a *app) syncStartCommand() *cobra.Command {
	var f startFlags
	cmd := a.command("start (--all | --id N | --instance NAME | --tag TAG | --engine ENGINE)", "Start a sync", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.startSync(ctx, &f) })
	cmd.Long = "Starts a sync of all active instances that are selected. Every kind of\n" +
		"selection but --all can be given more than once, for any of several; of\n" +
		"different kinds an instance must match each one.\n\n" + watchHelp
	flags := cmd.Flags()
	f.category = choiceFlag(cmd, "category", string(client.CategoryAccount), "what to sync", categories()...)
	flags.BoolVar(&f.all, "all", false, "every active instance")
	flags.Int64SliceVar(&f.ids, "id", nil, "instance by its id")
	flags.StringArrayVar(&f.instances, "instance", nil, "instance by its name")
	flags.StringSliceVar(&f.tags, "tag", nil, "instances with this tag")
	flags.StringSliceVar(&f.engines, "engine", nil, "instances of this engine")
	flags.StringVar(&f.key, "idempotency-key", "", "start only one session, however often the same request is sent with this key")
	flags.IntVar(&f.maxAttempts, "max-attempts", 0, "attempts of one instance (default: the setting session.max_attempts)")
	flags.BoolVarP(&f.watch, "watch", "w", false, "watch it until it ends")
	return cmd
}

func (a *app) startSync(ctx context.Context, f *startFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	selector, err := f.selector(ctx, c)
	if err != nil {
		return err
	}
	body := client.SyncSessionRequest{
		Category: client.Category(f.category.value), Selector: selector, MaxAttempts: optional(f.maxAttempts),
	}
	params := &client.CreateSyncSessionParams{IdempotencyKey: optional(f.key)}
	made, err := read[client.SyncSession](c.CreateSyncSessionWithResponse(ctx, params, body))
	if ctx.Err() != nil && err != nil {
		return errors.New("interrupted: the sync may have been started, dbfleet sync list shows it")
	}
	if err != nil {
		return err
	}
	return a.follow(ctx, c, made, f.watch)
}

func (f *startFlags) check() error {
	lists := len(f.ids) + len(f.instances) + len(f.tags) + len(f.engines)
	switch {
	case !f.all && lists == 0:
		return usagef("which instances? Give --all, --id, --instance, --tag or --engine")
	case f.all && lists > 0:
		return usagef("--all stands alone: leave out --id, --instance, --tag and --engine")
	}
	return nil
}

func (f *startFlags) selector(ctx context.Context, c *api) (client.Selector, error) {
	if f.all {
		return client.Selector{All: &f.all}, nil
	}
	ids := f.ids
	for _, name := range f.instances {
		id, err := c.instanceID(ctx, name)
		if err != nil {
			return client.Selector{}, err
		}
		ids = append(ids, id)
	}
	var s client.Selector
	if len(ids) > 0 {
		s.Ids = &ids
	}
	if len(f.tags) > 0 {
		s.Tags = &f.tags
	}
	if len(f.engines) > 0 {
		engines := make([]client.Engine, len(f.engines))
		for i, e := range f.engines {
			engines[i] = client.Engine(e)
		}
		s.Engines = &engines
	}
	return s, nil
}

// follow tells about a session that was just started, and watches it when that
// was asked for.
func (a *app) follow(ctx context.Context, c *api, made reply[client.SyncSession], watch bool) error {
	if !a.json {
		s, verb := made.value, "started"
		if made.status == http.StatusOK {
			verb = "was started before by the same request"
		}
		a.out.printf("Session %s %s: %s sync of %s\n", s.SessionId.String(), verb, s.Category, instances(s.TotalInstances))
		if !watch {
			a.out.printf("Watch it with: dbfleet sync watch %s\n", s.SessionId.String())
		}
	}
	if watch {
		return a.watch(ctx, c, made)
	}
	if a.json {
		a.out.json(made.raw)
	}
	return nil
}

func instances(n int) string {
	if n == 1 {
		return "1 instance"
	}
	return thousands(int64(n)) + " instances"
}
