package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// transferTimeout is that of a request which carries a file: 32 MiB over a slow
// line, and the work on them.
const transferTimeout = 6 * time.Minute

const importHelp = `FILE is CSV in UTF-8, at most 100,000 servers; - is standard input. Its first line
names the columns, in any order: name, engine, host and credential (by its name)
are needed; port, database, tls_mode, tls_ca, tls_server_name, host_key, tags
(separated by ;) and active (true or false) may be left out or empty.
  name,engine,host,credential,tags
  orders-1,postgresql,orders-1.example.net,monitor,production;eu
Every bad line is named, and nothing is imported unless all are good. A name that
is taken is bad; instance update changes a server. A text that begins with =, +, -
or @ needs a ' before it, so that no spreadsheet takes it for a formula.`

func (a *app) instanceImportCommand() *cobra.Command {
	var dryRun, skipBad bool
	cmd := a.command("import FILE", "Register servers from a CSV file", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			return a.importInstances(ctx, args[0], client.ImportInstancesParams{DryRun: optional(dryRun), SkipBad: optional(skipBad)})
		})
	cmd.Long = importHelp
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check the file, and import nothing")
	cmd.Flags().BoolVar(&skipBad, "skip-bad", false, "import the good lines, and name the bad ones")
	return cmd
}

func (a *app) instanceCheckCommand() *cobra.Command {
	cmd := a.command("check-csv FILE", "Check a CSV file of servers, and import nothing", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			return a.importInstances(ctx, args[0], client.ImportInstancesParams{DryRun: new(true)})
		})
	cmd.Long = importHelp
	return cmd
}

func (a *app) importInstances(ctx context.Context, path string, params client.ImportInstancesParams) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	file, end, err := a.open(path)
	if err != nil {
		return err
	}
	defer end()
	c.doer.http.Timeout = transferTimeout
	done, err := read[client.InstanceImport](c.ImportInstancesWithBodyWithResponse(ctx, &params, "text/csv", file))
	if err != nil {
		return a.badLines(err)
	}
	if a.json {
		a.out.json(done.raw)
	} else {
		a.describeImport(done.value)
	}
	if done.value.DryRun && done.value.Bad > 0 {
		return fmt.Errorf("%d of %d lines are bad", done.value.Bad, done.value.Lines)
	}
	return nil
}

// open opens a file to read, or standard input for "-". The caller calls end.
func (a *app) open(path string) (file io.Reader, end func(), err error) {
	if path == "-" {
		return a.std.In, func() {}, nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, nil, fmt.Errorf("read the file: %s is a folder", path)
	}
	opened, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the file: %w", err)
	}
	return opened, func() { _ = opened.Close() }, nil // was only read
}

// badLines prints the lines that a refusal is about, and returns what it says
// of the whole. Any other error it returns as it is.
func (a *app) badLines(err error) error {
	var refused *refusal
	if a.json || !errors.As(err, &refused) {
		return err
	}
	fields := refused.fields()
	if len(fields) < 2 || fields[0].Line != nil || fields[1].Line == nil {
		return err
	}
	a.showFaults(fields[1:], 0)
	return errors.New(fields[0].Reason)
}

func (a *app) showFaults(faults []client.FieldError, leftOut int) {
	for _, f := range faults {
		a.out.printf("%s: %s\n", place(f), f.Reason)
	}
	if leftOut > 0 {
		a.out.printf("… and %s faults more\n", thousands(int64(leftOut)))
	}
}

// place is where a fault is.
func place(f client.FieldError) string {
	if f.Line == nil {
		return f.Field
	}
	return fmt.Sprintf("line %d: %s", *f.Line, f.Field)
}

// ranges writes sorted numbers as 3, 7–9.
func ranges(numbers []int) string {
	var parts []string
	for i, first := 0, 0; i < len(numbers); i++ {
		if i+1 < len(numbers) && numbers[i+1] == numbers[i]+1 {
			continue
		}
		part := strconv.Itoa(numbers[first])
		if i > first {
			part += "–" + strconv.Itoa(numbers[i])
		}
		parts = append(parts, part)
		first = i + 1
	}
	return strings.Join(parts, ", ")
}

func (a *app) describeImport(v client.InstanceImport) {
	a.showFaults(v.Faults, v.FaultsLeftOut)
	if v.FaultsLeftOut > 0 {
		a.out.printf("All bad lines: %s\n", ranges(v.BadLines))
	}
	lines := thousands(int64(v.Lines))
	switch {
	case v.DryRun && v.Bad == 0:
		a.out.printf("All %s lines are good. Nothing was imported yet.\n", lines)
	case v.DryRun:
		a.out.printf("%s of %s lines are good. Nothing was imported.\n", thousands(int64(v.Good)), lines)
	default:
		a.out.printf("%s of %s servers registered.\n", thousands(int64(v.Imported)), lines)
	}
	if v.HostsUnchecked > 0 {
		a.err.printf("%d host names could not be looked up in time; the workers check each address again.\n", v.HostsUnchecked)
	}
}
