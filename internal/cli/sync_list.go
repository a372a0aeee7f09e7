package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// sessionFilter is the flags of sync list.
type sessionFilter struct {
	category, status, kind *choice
	limit                  int
}

func (a *app) syncListCommand() *cobra.Command {
	var f sessionFilter
	cmd := a.command("list", "List syncs, the newest first", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.listSessions(ctx, f.limit, client.ListSyncSessionsParams{
			Category: given[client.Category](f.category), Status: given[client.SessionStatus](f.status), Type: given[client.SessionType](f.kind),
		})
	})
	f.category = choiceFlag(cmd, "category", "", "only this category", categories()...)
	f.status = choiceFlag(cmd, "status", "", "only in this state", words(client.SessionStatusRunning, client.SessionStatusCancelling,
		client.SessionStatusCompleted, client.SessionStatusFailed, client.SessionStatusCancelled)...)
	f.kind = choiceFlag(cmd, "type", "", "only this type",
		words(client.SessionTypeScheduled, client.SessionTypeManualBatch, client.SessionTypeManualSingle)...)
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) listSessions(ctx context.Context, limit int, params client.ListSyncSessionsParams) error {
	if err := checkLimit(limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	l, err := collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		params.Limit, params.Cursor = limit, cursor
		return c.ListSyncSessionsWithResponse(ctx, &params)
	})
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"SESSION", "CATEGORY", "TYPE", "STATUS", "RESULT", "DONE", "FAILED", "STARTED", "TOOK"},
		drop:   []string{"TYPE", "CATEGORY", "TOOK"},
		keep:   []string{"STARTED"}, // SESSION may be cut: its first digits are enough to name it
	}
	return showList(a, l, t, func(s client.SyncSession) []string {
		return []string{
			s.SessionId.String(), string(s.Category), string(s.Type), string(s.Status), result(s),
			fmt.Sprintf("%d/%d", settled(s.Counts), s.TotalInstances), number(s.Counts.Failed), a.when(&s.StartedAt), took(s),
		}
	})
}

func result(s client.SyncSession) string {
	if s.Result == nil {
		return "-"
	}
	return string(*s.Result)
}

func took(s client.SyncSession) string {
	if s.CompletedAt == nil {
		return "-"
	}
	return span(s.CompletedAt.Sub(s.StartedAt))
}
