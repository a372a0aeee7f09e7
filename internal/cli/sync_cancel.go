package cli

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) syncCancelCommand() *cobra.Command {
	var record int64
	var cmd *cobra.Command
	cmd = a.command("cancel SESSION", "Cancel a sync, or one instance of it", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			return a.cancelSync(ctx, args[0], ifChanged(cmd, "record", record))
		})
	cmd.Long = "Cancels a sync: no further instance is started, and what is running is stopped\nwithin seconds."
	cmd.Flags().Int64Var(&record, "record", 0, "cancel only the record of this `ID`; sync show --records lists them")
	return cmd
}

// cancelSync cancels a session, or one record of it when that is given.
func (a *app) cancelSync(ctx context.Context, named string, record *int64) error {
	if record != nil && *record < 1 {
		return usagef("--record must be the number of a record, from 1")
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findSession(ctx, named)
	if err != nil {
		return err
	}
	if record != nil {
		return a.cancelRecord(ctx, c, id, *record)
	}
	s, err := read[client.SyncSession](c.CancelSyncSessionWithResponse(ctx, id))
	if err != nil {
		return err
	}
	return show(a, s, func(v client.SyncSession) {
		if ended(v) {
			a.out.printf("Session %s is cancelled.\n", id.String())
			return
		}
		a.out.printf("Session %s is being cancelled: %d running, and nothing more is started.\n", id.String(), v.Counts.Running)
	})
}

func (a *app) cancelRecord(ctx context.Context, c *api, id uuid.UUID, record int64) error {
	r, err := read[client.SyncRecord](c.CancelSyncRecordWithResponse(ctx, id, record))
	if err != nil {
		return err
	}
	return show(a, r, func(v client.SyncRecord) {
		if v.Status == client.RecordStatusCancelled {
			a.out.printf("Record %d (%s) is cancelled.\n", v.Id, v.InstanceName)
			return
		}
		a.out.printf("Record %d (%s) is %s and is being stopped.\n", v.Id, v.InstanceName, v.Status)
	})
}
