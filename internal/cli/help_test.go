package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// every visits a command and all below it.
func every(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		every(c, visit)
	}
}

func TestHelpNamesWhatEachFlagTakes(t *testing.T) {
	t.Parallel()
	every(newApp(Streams{}, nil).root(), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if name, _ := pflag.UnquoteUsage(f); name != strings.ToUpper(name) {
				t.Errorf("%s --%s takes a %q: name it in the usage between backquotes", cmd.CommandPath(), f.Name, name)
			}
		})
	})
}

// A default of an update would be a promise to change what was not given.
func TestHelpOfUpdatesShowsNoDefaults(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"instance update --help", "schedule update --help", "credential update --help"} {
		got := (&bench{}).run(t, strings.Fields(args)...)
		got.want(t, 0)
		flags, _, _ := strings.Cut(got.out, "Global Flags:")
		if strings.Contains(flags, "(default") {
			t.Errorf("%s shows a default:\n%s", args, flags)
		}
	}
	(&bench{}).run(t, "instance", "add", "--help").want(t, 0, "(default verify-full)")
}

func TestUsageNamesTheSelectionThatIsNeeded(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"instance activate", "instance deactivate", "instance tag add", "instance tag remove", "sync start", "schedule add"} {
		(&bench{}).run(t, append(strings.Fields(args), "--help")...).want(t, 0, "(--all | --id ID | --instance NAME")
	}
}
