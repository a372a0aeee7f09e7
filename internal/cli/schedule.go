package cli

import (
	"context"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) scheduleCommand() *cobra.Command {
	return a.group("schedule", "What starts syncs by itself",
		a.scheduleAddCommand(), a.scheduleListCommand(), a.scheduleShowCommand(), a.scheduleHistoryCommand(),
		a.scheduleNextCommand(), a.scheduleUpdateCommand(),
		a.scheduleSwitchCommand("pause", "Let it fire no more; what waits is skipped", (*api).pauseSchedule),
		a.scheduleSwitchCommand("resume", "Let it fire again, from now on", (*api).resumeSchedule),
		a.scheduleRunCommand(), a.scheduleRemoveCommand())
}

const cronHelp = `--cron has five fields: minute, hour, day of month, month, day of week (0 and 7
are Sunday), as in '0 2 * * MON-FRI'; quote it. A fixed hour fires once a day
also when clocks change: in the gap of spring right after it, in the repeated
hour of autumn the first time. With an hour of * it goes by elapsed time.`

// scheduleFlags are those of schedule add and schedule update.
type scheduleFlags struct {
	selectorFlags

	name, cron, zone           string
	category, overlap, catchUp *choice
	maxAttempts                int
	paused                     bool // of add
}

// register adds the flags that both commands have.
func (f *scheduleFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.cron, "cron", "", "when: a `CRON` expression, as in '0 2 * * *'")
	flags.StringVar(&f.zone, "time-zone", "", "IANA `NAME` of its clock, as in Europe/Berlin (default: the setting time_zone)")
	f.selectorFlags.register(cmd)
	f.overlap = choiceFlag(cmd, "overlap", "", "what to do while its last sync runs (default skip)", words(client.OverlapSkip, client.OverlapQueue)...)
	f.catchUp = choiceFlag(cmd, "catch-up", "", "what to do about a time that was missed (default skip)", words(client.CatchUpSkip, client.CatchUpOnce)...)
}

func (a *app) scheduleAddCommand() *cobra.Command {
	var f scheduleFlags
	cmd := a.command("add NAME --cron CRON "+selectorUse, "Add a schedule", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.addSchedule(ctx, args[0], &f) })
	cmd.Long = "Adds a schedule. Which instances are active and selected is looked at when it\nfires.\n\n" + cronHelp + "\n\n" + selectorHelp
	f.register(cmd)
	f.category = choiceFlag(cmd, "category", string(client.CategoryAccount), "what to sync", categories()...)
	cmd.Flags().IntVar(&f.maxAttempts, "max-attempts", 0, "at most `N` attempts of one instance (default: the setting session.max_attempts)")
	cmd.Flags().BoolVar(&f.paused, "paused", false, "add it, but do not let it fire yet")
	must(cmd.MarkFlagRequired("cron"))
	return cmd
}

func (a *app) addSchedule(ctx context.Context, name string, f *scheduleFlags) error {
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
	made, err := read[client.Schedule](c.CreateScheduleWithResponse(ctx, client.ScheduleCreate{
		Name: name, Cron: f.cron, TimeZone: optional(f.zone), Category: client.Category(f.category.value), Selector: selector,
		Overlap: given[client.Overlap](f.overlap), CatchUp: given[client.CatchUp](f.catchUp),
		MaxAttempts: optional(f.maxAttempts), Paused: optional(f.paused),
	}))
	if err != nil {
		return byFlag(err)
	}
	return show(a, made, func(s client.Schedule) {
		a.out.printf("Schedule %s added, id %d. %s\n", s.Name, s.Id, fires(s))
	})
}

// byFlag lets a refusal name the flag that holds the fault.
func byFlag(err error) error {
	for _, field := range []string{"cron", "time_zone", "overlap", "catch_up", "max_attempts"} {
		err = calledBy("--"+strings.ReplaceAll(field, "_", "-"), field, err)
	}
	return err
}

// fires says when a schedule will fire.
func fires(s client.Schedule) string {
	if s.Paused {
		return "It is paused: dbfleet schedule resume " + number(s.Id) + " lets it fire."
	}
	return "It fires next at " + zoned(s.NextFireAt, s.TimeZone) + "."
}

func (a *app) scheduleUpdateCommand() *cobra.Command {
	var f scheduleFlags
	var cmd *cobra.Command
	cmd = a.command("update NAME|ID", "Change a schedule", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			return a.updateSchedule(ctx, args[0], &f, f.changes(cmd))
		})
	cmd.Long = "Changes what is given and leaves the rest. A selection replaces the old one as a\nwhole; --max-attempts 0 returns to the setting.\n\n" + cronHelp
	f.register(cmd)
	withoutDefaults(cmd)
	f.category = choiceFlag(cmd, "category", "", "what to sync", categories()...)
	cmd.Flags().StringVar(&f.name, "name", "", "new `NAME`")
	cmd.Flags().IntVar(&f.maxAttempts, "max-attempts", 0, "at most `N` attempts of one instance; 0 for the setting session.max_attempts")
	return cmd
}

// changes returns what the user gave, but for the selection.
func (f *scheduleFlags) changes(cmd *cobra.Command) client.ScheduleUpdate {
	return client.ScheduleUpdate{
		Name: ifChanged(cmd, "name", f.name), Cron: ifChanged(cmd, "cron", f.cron), TimeZone: ifChanged(cmd, "time-zone", f.zone),
		Category: given[client.Category](f.category), Overlap: given[client.Overlap](f.overlap),
		CatchUp: given[client.CatchUp](f.catchUp), MaxAttempts: ifChanged(cmd, "max-attempts", f.maxAttempts),
	}
}

func (a *app) updateSchedule(ctx context.Context, named string, f *scheduleFlags, body client.ScheduleUpdate) error {
	if !f.given() && reflect.ValueOf(body).IsZero() {
		return usagef("what is to change? dbfleet schedule update --help lists the flags")
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	if f.given() {
		if err := f.check(); err != nil {
			return err
		}
		selector, err := f.selector(ctx, c)
		if err != nil {
			return err
		}
		body.Selector = &selector
	}
	id, err := c.findSchedule(ctx, named)
	if err != nil {
		return err
	}
	made, err := read[client.Schedule](c.UpdateScheduleWithResponse(ctx, id, body))
	if err != nil {
		return byFlag(err)
	}
	return show(a, made, func(s client.Schedule) { a.out.printf("Schedule %s changed. %s\n", s.Name, fires(s)) })
}

type scheduleRequest func(c *api, ctx context.Context, id int64) (answer, error) // a method of api

func (c *api) pauseSchedule(ctx context.Context, id int64) (answer, error) {
	return c.PauseScheduleWithResponse(ctx, id)
}

func (c *api) resumeSchedule(ctx context.Context, id int64) (answer, error) {
	return c.ResumeScheduleWithResponse(ctx, id)
}

func (a *app) scheduleSwitchCommand(verb, short string, ask scheduleRequest) *cobra.Command {
	return a.command(verb+" NAME|ID", short, cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		c, err := a.connect()
		if err != nil {
			return err
		}
		id, err := c.findSchedule(ctx, args[0])
		if err != nil {
			return err
		}
		made, err := read[client.Schedule](ask(c, ctx, id))
		if err != nil {
			return err
		}
		return show(a, made, func(s client.Schedule) { a.out.printf("Schedule %s: %sd. %s\n", s.Name, verb, fires(s)) })
	})
}

func (a *app) scheduleRemoveCommand() *cobra.Command {
	return a.command("remove NAME|ID", "Remove a schedule; its syncs stay, and go on", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.removeSchedule(ctx, args[0]) })
}

func (a *app) removeSchedule(ctx context.Context, named string) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findSchedule(ctx, named)
	if err != nil {
		return err
	}
	if err := accepted(c.DeleteScheduleWithResponse(ctx, id)); err != nil {
		return err
	}
	a.showRemoved(id, "Schedule "+named+" removed. Its syncs stay.")
	return nil
}
