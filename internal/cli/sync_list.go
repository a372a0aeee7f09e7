package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// sessionFilter is the flags that choose sessions.
type sessionFilter struct {
	category, status, kind, result *choice
	creator, search                string
	instance, schedule             string // by name or id
	moments                        moments
}

func (f *sessionFilter) add(cmd *cobra.Command) {
	f.category = choiceFlag(cmd, "category", "", "only this category", categories()...)
	f.status = choiceFlag(cmd, "status", "", "only in this state", words(client.SessionStatusRunning, client.SessionStatusCancelling,
		client.SessionStatusCompleted, client.SessionStatusFailed, client.SessionStatusCancelled)...)
	f.kind = choiceFlag(cmd, "type", "", "only this type",
		words(client.SessionTypeScheduled, client.SessionTypeManualBatch, client.SessionTypeManualSingle)...)
	f.result = choiceFlag(cmd, "result", "", "only with this result", words(client.SessionResultSucceeded, client.SessionResultPartial,
		client.SessionResultFailed, client.SessionResultCancelled)...)
	cmd.Flags().StringVar(&f.creator, "created-by", "", "only by this `USER`, by name or id, by system or by schedule")
	cmd.Flags().StringVar(&f.instance, "instance", "", "only with this `INSTANCE`, by name or id")
	cmd.Flags().StringVar(&f.schedule, "schedule", "", "only those that this `SCHEDULE` started, by name or id")
	cmd.Flags().StringVar(&f.search, "search", "", "`TEXT`: first digits of the id, part of the reason, or the whole name of an instance")
	momentFlags(cmd, &f.moments)
}

// params are what the flags ask the API for.
func (f *sessionFilter) params(ctx context.Context, a *app, c *api) (client.ListSyncSessionsParams, error) {
	params := client.ListSyncSessionsParams{
		Category: given[client.Category](f.category), Status: given[client.SessionStatus](f.status), Type: given[client.SessionType](f.kind),
		Result: given[client.SessionResult](f.result), Q: optional(f.search),
	}
	var err error
	if params.CreatedBy, err = c.creator(ctx, f.creator); err != nil {
		return params, err
	}
	if params.From, params.To, err = a.span(f.moments); err != nil {
		return params, err
	}
	if params.InstanceId, err = found(ctx, f.instance, c.findInstance); err != nil {
		return params, err
	}
	params.ScheduleId, err = found(ctx, f.schedule, c.findSchedule)
	return params, err
}

// creator returns what the API takes for a user, whom it knows by the number, or
// for the words that stand for none; nil for nobody.
func (c *api) creator(ctx context.Context, named string) (*string, error) {
	if named == "" || named == "system" || named == "schedule" || isNumber(named) {
		return optional(named), nil
	}
	id, err := c.findUser(ctx, named)
	if err != nil {
		return nil, fmt.Errorf("look up the user %q (a number needs no look-up, which is an admin's): %w", named, err)
	}
	return new(number(id)), nil
}

// found returns the id of what a flag names; nil when it was not given.
func found(ctx context.Context, named string, find func(context.Context, string) (int64, error)) (*int64, error) {
	if named == "" {
		return nil, nil //nolint:nilnil // not asked for
	}
	id, err := find(ctx, named)
	return &id, err
}

// listFlags are those of sync list.
type listFlags struct {
	sessionFilter

	sort, order *choice
	limit       int
}

func (a *app) syncListCommand() *cobra.Command {
	var f listFlags
	cmd := a.command("list", "List syncs, the newest first", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.listSessions(ctx, &f) })
	f.add(cmd)
	f.sort = choiceFlag(cmd, "sort", "", "sort by", words(client.ListSyncSessionsParamsSortStartedAt, client.ListSyncSessionsParamsSortDuration,
		client.ListSyncSessionsParamsSortTotal, client.ListSyncSessionsParamsSortFailed)...)
	f.order = choiceFlag(cmd, "order", "", "sort up or down",
		words(client.ListSyncSessionsParamsOrderAsc, client.ListSyncSessionsParamsOrderDesc)...)
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) listSessions(ctx context.Context, f *listFlags) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	params, err := f.params(ctx, a, c)
	if err != nil {
		return err
	}
	params.Sort, params.Order = given[client.ListSyncSessionsParamsSort](f.sort), given[client.ListSyncSessionsParamsOrder](f.order)
	l, err := collect(ctx, f.limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
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
