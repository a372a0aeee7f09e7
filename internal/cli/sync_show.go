package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// recordFilter is the flags of sync show.
type recordFilter struct {
	records bool
	status  *choice
	limit   int
}

func (a *app) syncShowCommand() *cobra.Command {
	var f recordFilter
	var cmd *cobra.Command
	cmd = a.command("show SESSION", "Show a sync, or what happened to each of its instances", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			f.records = f.records || f.status.value != ""
			if cmd.Flags().Changed("limit") && !f.records {
				return usagef("--limit goes with --records")
			}
			return a.showSync(ctx, args[0], &f)
		})
	cmd.Flags().BoolVar(&f.records, "records", false, "one line for each instance")
	f.status = choiceFlag(cmd, "status", "", "with --records: only those in this state", words(client.RecordStatusPending,
		client.RecordStatusQueued, client.RecordStatusRunning, client.RecordStatusCompleted, client.RecordStatusFailed,
		client.RecordStatusCancelled, client.RecordStatusSkipped)...)
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) showSync(ctx context.Context, named string, f *recordFilter) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	if f.records {
		id, err := c.findSession(ctx, named)
		if err != nil {
			return err
		}
		var params client.ListSyncRecordsParams
		if f.status.value != "" {
			params.Status = &[]client.RecordStatus{client.RecordStatus(f.status.value)}
		}
		return a.showRecords(ctx, c, id, params, f.limit)
	}
	s, err := a.session(ctx, c, named)
	if err != nil {
		return err
	}
	return show(a, s, a.describe)
}

// describe prints one session.
func (a *app) describe(s client.SyncSession) {
	a.out.printf("Session %s: %s\n", s.SessionId.String(), outcome(s))
	t := &table{indent: 2}
	t.add("category", string(s.Category)+", "+string(s.Type))
	t.add("selected", selected(s.Selector))
	t.add("started", a.when(&s.StartedAt))
	t.add("ended", a.when(s.CompletedAt))
	if s.CompletedAt == nil {
		t.add("deadline", a.when(&s.DeadlineAt))
	}
	if s.ScheduleId != nil {
		t.add("schedule", number(*s.ScheduleId))
	}
	if s.ParentId != nil {
		t.add("retry of", s.ParentId.String())
	}
	t.add("attempts", fmt.Sprintf("at most %d of one instance", s.MaxAttempts))
	t.add("progress", progressLine(s, 0))
	if s.Reason != "" {
		t.add("reason", s.Reason)
	}
	a.facts(t)
	a.counts(s)
	a.failures(s)
	if ended(s) {
		a.advice(s)
	}
}

// selected says in words which instances a selector takes.
func selected(s client.Selector) string {
	if s.All != nil && *s.All {
		return "all active instances"
	}
	var parts []string
	if s.Ids != nil && len(*s.Ids) > 0 {
		parts = append(parts, instances(len(*s.Ids))+" by id")
	}
	if s.Tags != nil && len(*s.Tags) > 0 {
		parts = append(parts, "tagged "+strings.Join(*s.Tags, " or "))
	}
	if s.Engines != nil && len(*s.Engines) > 0 {
		parts = append(parts, "engine "+strings.Join(words(*s.Engines...), " or "))
	}
	return orDash(strings.Join(parts, ", "))
}

func recordStatus(r client.SyncRecord) string {
	if r.Partial {
		return string(r.Status) + " (partial)"
	}
	return string(r.Status)
}

func fault(f *client.Fault) string {
	if f == nil {
		return "-"
	}
	return fmt.Sprintf("%s at %s: %s", f.Code, f.Phase, f.Message)
}
