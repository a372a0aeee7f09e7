package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// demoCommand is for the Makefile; newcomers use "make demo".
func (a *app) demoCommand() *cobra.Command {
	options := DemoOptions{Streams: a.std}
	cmd := a.command("demo", "Show DBFleet at work on private servers", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			options.Once = options.Once || isOn(a.std.Env("DEMO_ONCE"))
			return a.local.Demo(ctx, options)
		})
	cmd.Hidden = true
	cmd.Flags().StringVar(&options.Dir, "dir", ".run", "`FOLDER` for everything that it makes")
	cmd.Flags().BoolVar(&options.Once, "once", false, "end after the sync (also DEMO_ONCE=1)")
	return cmd
}

func isOn(value string) bool {
	return !slices.Contains([]string{"", "0", "no", "false", "off"}, strings.ToLower(value))
}
