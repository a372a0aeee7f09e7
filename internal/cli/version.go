package cli

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says what this program was made of.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
}

func (a *app) versionCommand() *cobra.Command {
	return a.command("version", "Show the version of this program", cobra.NoArgs,
		func(context.Context, []string) error {
			b := thisBuild()
			if a.json {
				a.out.json(b)
				return nil
			}
			a.out.printf("%s\n", b)
			return nil
		})
}

// String is the build as a person reads it.
func (b build) String() string {
	return fmt.Sprintf("dbfleet %s %s %s", b.Version, orDash(b.Revision), b.Go)
}

func thisBuild() build {
	b := build{Version: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version, b.Go = info.Main.Version, info.GoVersion
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}
