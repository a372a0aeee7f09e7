package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// The exit codes. Scripts rely on them; do not change.
const (
	exitDone         = 0
	exitNotSucceeded = 1
	exitCouldNotRun  = 2
)

// Streams is what a command line has around it. When Out or In is an *os.File
// of a terminal, progress is drawn in place and passwords are asked for without
// echo.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	Env func(string) string // os.Getenv; nil means that nothing is set
}

// Run executes one command line, without the program's name, and returns the
// process's exit code: 0, 1 or 2. It blocks until the command has ended;
// cancelling ctx interrupts it, and detaches from a session that it watches.
func Run(ctx context.Context, args []string, std Streams, local Local) int {
	return newApp(std, local).run(ctx, args)
}

// app is one run of the command line.
type app struct {
	std   Streams
	local Local
	out   *printer
	err   *printer

	json      bool // flags of every command
	output    *choice
	apiURL    string
	tokenFile string

	csv     bool // chosen by output, for a command that lists
	listed  bool // and a list was printed so
	running bool // a command has begun: an error is no longer one of usage

	now   func() time.Time
	pause func(context.Context, time.Duration) error // returns early with an error when the context ends
	zone  *time.Location                             // in which people read times
	width func() int                                 // of the terminal that Out is; 0 when it is none
}

func newApp(std Streams, local Local) *app {
	if std.Env == nil {
		std.Env = func(string) string { return "" }
	}
	return &app{
		std:   std,
		local: local,
		out:   &printer{w: std.Out},
		err:   &printer{w: std.Err},
		now:   time.Now,
		pause: pause,
		zone:  time.Local,
		width: func() int { return terminalWidth(std.Out) },
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func (a *app) run(ctx context.Context, args []string) int {
	a.json = wantsJSON(args)                  // also when parsing fails before it
	root := a.root()                          //nolint:contextcheck // commands get ctx from ExecuteContextC
	root.SetArgs(append([]string{}, args...)) // nil would mean the process's own
	root.SetIn(a.std.In)
	root.SetOut(a.std.Out)
	root.SetErr(a.std.Err)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err != nil:
	case a.out.err != nil:
		err = a.out.err // a full disk, a closed pipe
	case a.csv && !a.listed:
		err = noCSV(cmd) // it could have printed a list, and was asked for something else
	}
	if err != nil && !a.running {
		err = &usageError{reason: err.Error(), command: cmd.CommandPath()}
	}
	return a.exit(ctx, err)
}

func (a *app) root() *cobra.Command {
	root := a.group("dbfleet", "Sync accounts of database fleets",
		a.syncCommand(), a.instanceCommand(), a.credentialCommand(), a.accountCommand(), a.holdCommand(),
		a.scheduleCommand(),
		a.settingCommand(), a.workerCommand(), a.whoamiCommand(),
		a.userCommand(), a.tokenCommand(), a.auditCommand(),
		a.migrateCommand(), a.keysCommand(), a.doctorCommand(), a.demoCommand(), a.versionCommand(),
	)
	root.Long = rootHelp
	root.Version = thisBuild().String() // --version
	root.SetVersionTemplate("{{.Version}}\n")
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", a.json, "print the API's answer as one JSON document")
	a.output = &choice{value: asTable, allowed: []string{asTable, asCSV, asJSON}}
	flags.Var(a.output, "output", "form of what is printed: table, csv (lists only), json")
	must(root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(a.output.allowed, cobra.ShellCompDirectiveNoFileComp)))
	flags.StringVar(&a.apiURL, "api-url", "", "`URL` of the API (default $DBFLEET_API_URL or http://127.0.0.1:8080)")
	flags.StringVar(&a.tokenFile, "token-file", "", "`FILE` that holds the token (default: the token is $DBFLEET_TOKEN)")
	completeNames(a, root)
	return root
}

const rootHelp = `dbfleet operates DBFleet: it registers database servers, syncs their accounts
and shows what was found.

Most commands talk to the API:
  DBFLEET_API_URL   its address (http://127.0.0.1:8080)
  DBFLEET_TOKEN     your token; "dbfleet token create --local" makes the first one
The commands migrate, keys, doctor and token create --local open the database at
DBFLEET_DATABASE_URL.

Exit codes:
  0  done; of a watched session: every instance succeeded
  1  a watched session ended in any other way, or the doctor found a failure
  2  could not run: wrong usage, API away, request refused, or detached with Ctrl-C`

// command builds a command that does something. Its arguments and flags are
// right once run is called.
func (a *app) command(use, short string, args cobra.PositionalArgs, run func(context.Context, []string) error) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  args,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.running = true
			if err := a.chooseOutput(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), args)
		},
	}
}

// group builds a command that only holds others. Calling it by itself is wrong
// usage, so that a mistyped command in a script does not pass for success.
func (a *app) group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	cmd.Args = cobra.ArbitraryArgs
	cmd.SuggestionsMinimumDistance = 2 // letters
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return &usageError{reason: "which command?", command: cmd.CommandPath()}
		}
		return unknownCommand(cmd, args[0])
	}
	cmd.AddCommand(commands...)
	return cmd
}
