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
	selectorFlags

	category    *choice
	watch       bool
	key         string
	maxAttempts int
}

func (a *app) syncStartCommand() *cobra.Command {
	var f startFlags
	cmd := a.command("start "+selectorUse, "Start a sync", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.startSync(ctx, &f) })
	cmd.Long = "Starts a sync of all active instances that are selected.\n\n" + selectorHelp + "\n\n" + watchHelp
	flags := cmd.Flags()
	f.category = choiceFlag(cmd, "category", string(client.CategoryAccount), "what to sync", categories()...)
	f.register(cmd)
	flags.StringVar(&f.key, "idempotency-key", "", "start only one session, however often the same request is sent with this `KEY`")
	flags.IntVar(&f.maxAttempts, "max-attempts", 0, "at most `N` attempts of one instance (default: the setting session.max_attempts)")
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
