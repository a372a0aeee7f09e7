package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/internal/doctor"
)

func (a *app) doctorCommand() *cobra.Command {
	cmd := a.command("doctor", "Look for what is wrong with an installation", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.examine(ctx) })
	cmd.Long = "Looks at the configuration, Postgres and Redis of DBFLEET_DATABASE_URL and\n" +
		"DBFLEET_REDIS_URL, what is stored there, and the keys and the allow list of this\n" +
		"environment. Each check says ok, warn or fail, and what to do. It changes\n" +
		"nothing, and may run while everything runs.\n\n" +
		"Exit code: 0 when nothing failed, warnings or not; 1 when something did."
	return cmd
}

func (a *app) examine(ctx context.Context) error {
	found, err := a.local.Doctor(ctx)
	if err == nil {
		err = context.Cause(ctx) // half of the checks would tell of the interruption
	}
	if err != nil {
		return err
	}
	switch {
	case a.json:
		a.out.json(map[string][]doctor.Finding{"items": found})
	case a.csv:
		a.showTable(findingTable(found), nil)
	default:
		a.describeFindings(found)
	}
	if doctor.Failed(found) {
		return errNotSucceeded
	}
	return nil
}

func findingTable(found []doctor.Finding) *table {
	t := &table{header: []string{"VERDICT", "CHECK", "FOUND", "ADVICE"}}
	for _, f := range found {
		t.add(string(f.Verdict), f.Check, f.Found, f.Advice)
	}
	return t
}

// A terminal narrower than this shows a finding below its check.
const stackedBelow = 60 // columns

// describeFindings puts an advice below what it is about.
func (a *app) describeFindings(found []doctor.Finding) {
	stacked := a.width() > 0 && a.width() < stackedBelow
	t := &table{header: []string{"VERDICT", "CHECK", "FOUND"}, keep: []string{"VERDICT", "CHECK"}, wrap: true}
	if stacked {
		t = &table{header: []string{"VERDICT", "FOUND"}, keep: []string{"VERDICT"}, wrap: true}
	}
	counts := map[doctor.Verdict]int{}
	for _, f := range found {
		counts[f.Verdict]++
		rows := [][]string{{string(f.Verdict), f.Check, f.Found}, {"", "", "→ " + f.Advice}}
		if stacked {
			rows = [][]string{{string(f.Verdict), f.Check}, {"", f.Found}, {"", "→ " + f.Advice}}
		}
		if f.Advice == "" {
			rows = rows[:len(rows)-1]
		}
		t.rows = append(t.rows, rows...)
	}
	t.coloured = a.coloured()
	a.out.write(t.render(a.width()))
	a.out.printf("\n%d checks: %d failed, %d to look at\n", len(found), counts[doctor.Fail], counts[doctor.Warn])
}
