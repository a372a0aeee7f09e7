package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	cmd := a.command("migrate", "Bring the database's schema up to date", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			steps, err := a.local.MigrateUp(ctx)
			if err != nil {
				return err
			}
			return a.showSteps(steps, "applied", "The schema is up to date already.")
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
			if err != nil {
				return err
			}
			return a.showSteps(steps, "took back", "Nothing to take back.")
		})
	cmd.Long = "Undoes migrations, the newest first, until the schema has the given version.\n" +
		"What those migrations' tables and columns held is lost."
	cmd.Flags().Int64Var(&to, "to", 0, "version to return to; 0 removes everything")
	must(cmd.MarkFlagRequired("to"))
	return cmd
}

func (a *app) showSteps(steps []Migration, done, nothing string) error {
	if a.json {
		if steps == nil {
			steps = []Migration{}
		}
		a.out.json(map[string][]Migration{"items": steps})
		return nil
	}
	for _, s := range steps {
		a.out.printf("%s %d %s\n", done, s.Version, s.Name)
	}
	if len(steps) == 0 {
		a.out.write(nothing + "\n")
	}
	return nil
}
