package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// zoned shows a time on the clock of a zone, with its offset; "-" when there is
// none. A zone that this machine does not know is shown in UTC.
func zoned(t *time.Time, zone string) string {
	if t == nil {
		return "-"
	}
	in, err := time.LoadLocation(zone)
	if err != nil {
		in = time.UTC
	}
	return t.In(in).Format("2006-01-02 15:04:05Z07:00")
}

func (a *app) scheduleListCommand() *cobra.Command {
	var limit int
	var name string
	cmd := a.command("list", "List schedules", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.listSchedules(ctx, limit, client.ListSchedulesParams{Name: optional(name)})
	})
	cmd.Flags().StringVar(&name, "name", "", "only those with this `TEXT` in their name")
	limitFlag(cmd, &limit)
	return cmd
}

func (a *app) listSchedules(ctx context.Context, limit int, params client.ListSchedulesParams) error {
	if err := checkLimit(limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	l, err := collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		params.Limit, params.Cursor = limit, cursor
		return c.ListSchedulesWithResponse(ctx, &params)
	})
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"ID", "NAME", "CRON", "ZONE", "NEXT", "CATEGORY", "SELECTED"},
		drop:   []string{"CATEGORY", "ZONE", "SELECTED"},
		keep:   []string{"NAME", "NEXT"},
	}
	return showList(a, l, t, func(s client.Schedule) []string {
		return []string{number(s.Id), s.Name, s.Cron, s.TimeZone, nextOf(s), string(s.Category), selected(s.Selector)}
	})
}

func nextOf(s client.Schedule) string {
	if s.Paused {
		return "paused"
	}
	return zoned(s.NextFireAt, s.TimeZone)
}

const lastFires = 5 // that schedule show prints

func (a *app) scheduleShowCommand() *cobra.Command {
	return a.command("show NAME|ID", "Show a schedule and its last fires", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.showSchedule(ctx, args[0]) })
}

func (a *app) showSchedule(ctx context.Context, named string) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	s, err := c.schedule(ctx, named)
	if err != nil {
		return err
	}
	if a.json {
		a.out.json(s.raw)
		return nil
	}
	page, err := read[client.ScheduleFirePage](c.ListScheduleFiresWithResponse(ctx, s.value.Id, &client.ListScheduleFiresParams{Limit: new(lastFires)}))
	if err != nil {
		return err
	}
	a.describeSchedule(s.value)
	if len(page.value.Items) == 0 {
		a.out.printf("It has not fired yet.\n")
		return nil
	}
	a.out.printf("\nLast fires:\n")
	t := fireTable()
	t.indent = 2
	for _, f := range page.value.Items {
		t.add(fireRow(f, s.value.TimeZone)...)
	}
	a.showTable(t, nil)
	return nil
}

func (a *app) describeSchedule(s client.Schedule) {
	a.out.printf("Schedule %d: %s\n", s.Id, s.Name)
	t := &table{indent: 2}
	t.add("cron", s.Cron+" in "+s.TimeZone)
	if s.Paused {
		t.add("paused", "since "+zoned(s.PausedAt, s.TimeZone))
	} else {
		t.add("next", zoned(s.NextFireAt, s.TimeZone))
	}
	t.add("category", string(s.Category))
	t.add("selected", selected(s.Selector))
	t.add("overlap", map[client.Overlap]string{
		client.OverlapSkip: "skip: no fire while its last sync runs", client.OverlapQueue: "queue: one fire waits while its last sync runs",
	}[s.Overlap])
	t.add("catch-up", map[client.CatchUp]string{
		client.CatchUpSkip: "skip: what is over a minute late is missed", client.CatchUpOnce: "once: the newest time fires, however late",
	}[s.CatchUp])
	if s.MaxAttempts != nil {
		t.add("attempts", fmt.Sprintf("at most %d of one instance", *s.MaxAttempts))
	}
	a.facts(t)
}

func fireTable() *table {
	return &table{
		header: []string{"TIME", "OUTCOME", "BY", "SESSION", "REASON"},
		drop:   []string{"BY", "SESSION"},
		keep:   []string{"TIME", "OUTCOME"},
		wrap:   true,
	}
}

func fireRow(f client.ScheduleFire, zone string) []string {
	outcome, reason, by := string(f.Outcome), f.Reason, "cron"
	if f.Late {
		outcome += " (late)"
	}
	if f.MissedFrom != nil {
		outcome += fmt.Sprintf(" (%s times)", thousands(int64(f.MissedCount)))
		reason += ", since " + zoned(f.MissedFrom, zone)
	}
	if f.CreatedBy != nil {
		by = "user " + number(*f.CreatedBy)
	}
	session := "-"
	if f.SessionId != nil {
		session = f.SessionId.String()
	}
	return []string{zoned(&f.FireTime, zone), outcome, by, session, orDash(reason)}
}

func (a *app) scheduleHistoryCommand() *cobra.Command {
	var limit int
	cmd := a.command("history NAME|ID", "Show what became of its times, newest first", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.listFires(ctx, args[0], limit) })
	limitFlag(cmd, &limit)
	return cmd
}

func (a *app) listFires(ctx context.Context, named string, limit int) error {
	if err := checkLimit(limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	s, err := c.schedule(ctx, named)
	if err != nil {
		return err
	}
	l, err := collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		return c.ListScheduleFiresWithResponse(ctx, s.value.Id, &client.ListScheduleFiresParams{Limit: limit, Cursor: cursor})
	})
	if err != nil {
		return err
	}
	return showList(a, l, fireTable(), func(f client.ScheduleFire) []string { return fireRow(f, s.value.TimeZone) })
}

func (a *app) scheduleNextCommand() *cobra.Command {
	count := 10
	cmd := a.command("next NAME|ID", "Show its next times", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.nextFires(ctx, args[0], count) })
	cmd.Flags().IntVar(&count, "count", count, "show `N` times, 1 to 100")
	return cmd
}

const maxCount = 100 // the API's

func (a *app) nextFires(ctx context.Context, named string, count int) error {
	if count < 1 || count > maxCount {
		return usagef("--count must be between 1 and %d", maxCount)
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findSchedule(ctx, named)
	if err != nil {
		return err
	}
	next, err := read[client.NextFires](c.ListNextFiresWithResponse(ctx, id, &client.ListNextFiresParams{Count: &count}))
	if err != nil {
		return err
	}
	return show(a, next, func(n client.NextFires) {
		if a.csv {
			t := &table{header: []string{"TIME"}}
			for _, at := range n.Items {
				t.add(zoned(&at, n.TimeZone))
			}
			a.showTable(t, nil)
		}
		for _, at := range n.Items {
			a.out.printf("%s\n", zoned(&at, n.TimeZone))
		}
		if n.Paused {
			a.err.printf("The schedule is paused: dbfleet schedule resume %d lets it fire.\n", n.ScheduleId)
		}
	})
}
