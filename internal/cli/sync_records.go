package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// recordFlags are those of sync records.
type recordFlags struct {
	status                    []string
	code, fingerprint, search string
	sort, order               *choice
	limit                     int
}

func (a *app) syncRecordsCommand() *cobra.Command {
	var f recordFlags
	cmd := a.command("records SESSION", "Show what happened to each instance of a sync", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.listRecords(ctx, args[0], &f) })
	cmd.Long = "Shows a line for each instance: its error, or why it does not run yet."
	cmd.Flags().StringSliceVar(&f.status, "status", nil, "only in these `STATES`: pending, queued, running, completed, failed, cancelled, skipped")
	cmd.Flags().StringVar(&f.code, "code", "", "only those whose last failure has this `CODE`")
	cmd.Flags().StringVar(&f.fingerprint, "fingerprint", "", "only those whose last failure is of this `KIND`; sync errors shows them")
	cmd.Flags().StringVar(&f.search, "search", "", "only instances with this `TEXT` in their name, in any case")
	f.sort = choiceFlag(cmd, "sort", "", "sort by", words(client.ListSyncRecordsParamsSortId, client.ListSyncRecordsParamsSortDuration,
		client.ListSyncRecordsParamsSortInstanceName)...)
	f.order = choiceFlag(cmd, "order", "", "sort up or down", words(client.ListSyncRecordsParamsOrderAsc, client.ListSyncRecordsParamsOrderDesc)...)
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) listRecords(ctx context.Context, named string, f *recordFlags) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findSession(ctx, named)
	if err != nil {
		return err
	}
	params := client.ListSyncRecordsParams{
		Status: wordList[client.RecordStatus](f.status), Code: optional(f.code), Fingerprint: optional(f.fingerprint), Q: optional(f.search),
		Sort: given[client.ListSyncRecordsParamsSort](f.sort), Order: given[client.ListSyncRecordsParamsOrder](f.order),
	}
	return a.showRecords(ctx, c, id, params, f.limit)
}

func (a *app) showRecords(ctx context.Context, c *api, id uuid.UUID, params client.ListSyncRecordsParams, limit int) error {
	l, err := collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		params.Limit, params.Cursor = limit, cursor
		return c.ListSyncRecordsWithResponse(ctx, id, &params)
	})
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"RECORD", "INSTANCE", "STATUS", "TRIES", "TOOK", "READ", "NEW", "CHANGED", "GONE", "ERROR"},
		drop:   []string{"CHANGED", "GONE", "NEW", "READ", "TRIES", "TOOK", "RECORD"},
		keep:   []string{"INSTANCE", "STATUS"},
		wrap:   true,
	}
	return showList(a, l, t, func(r client.SyncRecord) []string {
		return []string{
			number(r.Id), r.InstanceName, recordStatus(r), number(r.Attempt), milliseconds(r.DurationMs),
			number(r.Items.Synced), number(r.Items.Created), number(r.Items.Updated), number(r.Items.Deleted), a.remark(r),
		}
	})
}

// remark is why a record waits, then what went wrong.
func (a *app) remark(r client.SyncRecord) string {
	why := a.waits(r.Waiting)
	switch {
	case why == "":
		return trouble(r)
	case r.Fault == nil:
		return why
	}
	return why + "; before: " + trouble(r)
}

// waits says in words why a record does not run; nothing for one that runs or
// only waits for its turn.
func (a *app) waits(w *client.Waiting) string {
	if w == nil {
		return ""
	}
	switch w.Reason {
	case client.WaitingReasonReady:
		return ""
	case client.WaitingReasonNoWorker:
		return "no worker serves it"
	case client.WaitingReasonDueLater:
		if w.Until == nil {
			return "due later"
		}
		return "due in " + span(max(w.Until.Sub(a.now()), 0).Round(time.Second))
	case client.WaitingReasonOtherSession:
		if w.SessionId == nil {
			return "another session reads it"
		}
		return fmt.Sprintf("session %s reads it", w.SessionId)
	case client.WaitingReasonHostLimit:
		return "its host is busy"
	case client.WaitingReasonCredentialUnproven:
		return "waits for the first login with its credential"
	}
	return string(w.Reason) // one that this program does not know
}
