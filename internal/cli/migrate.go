package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	cmd := a.command("migrate", "Bring the database's schema up to date", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			steps, err := a.local.MigrateUp(ctx)
			return a.showSteps(steps, err, "applied", "The schema is up to date already.")
		})
	cmd.Long = "Applies to the database at DBFLEET_DATABASE_URL every migration that it lacks.\n" +
		"Serving processes never do this by themselves; they wait for it."
	cmd.AddCommand(a.migrateStatusCommand(), a.migrateDownCommand())
	return cmd
}

func (a *app) migrateStatusCommand() *cobra.Command {
	return a.command("status", "Show which migrations are applied", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			steps, err := a.local.Migrations(ctx)
			if err != nil {
				return err
			}
			if a.json {
				a.out.json(map[string][]Migration{"items": steps})
				return nil
			}
			t := &table{header: []string{"VERSION", "NAME", "APPLIED"}}
			for _, s := range steps {
				t.add(number(s.Version), s.Name, a.when(s.AppliedAt))
			}
			a.showTable(t, nil)
			return nil
		})
}

func (a *app) migrateDownCommand() *cobra.Command {
	var to int64
	cmd := a.command("down", "Take the schema back to an older version", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			if to < 0 {
				return usagef("--to must be 0 or more")
			}
			steps, err := a.local.MigrateDown(ctx, to)
			return a.showSteps(steps, err, "took back", "Nothing to take back.")
		})
	cmd.Long = "Undoes migrations, the newest first, until the schema has the given version.\n" +
		"What those migrations' tables and columns held is lost."
	cmd.Flags().Int64Var(&to, "to", 0, "`VERSION` to return to; 0 removes everything")
	must(cmd.MarkFlagRequired("to"))
	return cmd
}

// showSteps prints what was done, also before the step that failed, and
// returns err.
func (a *app) showSteps(steps []Migration, err error, done, nothing string) error {
	if a.json && err == nil {
		a.out.json(map[string][]Migration{"items": append([]Migration{}, steps...)})
		return nil
	}
	for _, s := range steps {
		if !a.json {
			a.out.printf("%s %d %s\n", done, s.Version, s.Name)
		}
	}
	if len(steps) == 0 && err == nil {
		a.out.write(nothing + "\n")
	}
	return err
}
