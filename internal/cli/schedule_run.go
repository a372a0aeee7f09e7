package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) scheduleRunCommand() *cobra.Command {
	var watch bool
	cmd := a.command("run NAME|ID", "Let it fire now, paused or not", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.runSchedule(ctx, args[0], watch) })
	cmd.Long = "Starts the schedule's sync now. While its last one runs, the overlap policy\ndecides: skip refuses, queue lets it wait.\n\n" + watchHelp +
		"\n\nThere is nothing to watch yet of a run that waits: the command says so and ends\nwith 0."
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "watch it until it ends")
	return cmd
}

func (a *app) runSchedule(ctx context.Context, named string, watch bool) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findSchedule(ctx, named)
	if err != nil {
		return err
	}
	fired, err := read[client.ScheduleFire](c.RunScheduleWithResponse(ctx, id))
	if err != nil {
		return err
	}
	f := fired.value
	switch {
	case a.json && (f.SessionId == nil || !watch):
		a.out.json(fired.raw)
		return nil
	case f.SessionId == nil:
		a.out.printf("The run waits: %s. dbfleet schedule history %d shows when it started.\n", f.Reason, id)
		return nil
	}
	made, err := read[client.SyncSession](c.GetSyncSessionWithResponse(ctx, *f.SessionId))
	if err != nil {
		return fmt.Errorf("session %s was started: %w", f.SessionId, err)
	}
	made.status = fired.status
	return a.follow(ctx, c, made, watch)
}
