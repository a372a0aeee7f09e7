package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// comparison is the flags of account diff.
type comparison struct {
	from, to, at string
	limit        int
}

func (a *app) accountDiffCommand() *cobra.Command {
	var f comparison
	cmd := a.command("diff INSTANCE (--from TIME | OTHER)", "Show how accounts differ between two times or two instances", cobra.RangeArgs(1, 2),
		func(ctx context.Context, args []string) error { return a.diffAccounts(ctx, args, f) })
	cmd.Long = "With --from, show what became other on an instance since then. With a second instance, show which accounts are only on " +
		"one of the two, and what differs in those of the same name and host."
	momentFlag(cmd, &f.from, "from", "the first `TIME`")
	momentFlag(cmd, &f.to, "to", "the second `TIME`; now by default")
	momentFlag(cmd, &f.at, "at", "compare the two instances as they were at this `TIME`")
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) diffAccounts(ctx context.Context, args []string, f comparison) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	params, err := a.comparisonTimes(args, f)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	if params.InstanceId, err = c.findInstance(ctx, args[0]); err != nil {
		return err
	}
	sides := [2]string{"before only", "now only"}
	if len(args) == 2 {
		other, err := c.findInstance(ctx, args[1])
		if err != nil {
			return err
		}
		params.OtherId, sides = &other, [2]string{"only on " + args[0], "only on " + args[1]}
	}
	l, err := collect(ctx, f.limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		params.Limit, params.Cursor = limit, cursor
		return c.CompareAccountsWithResponse(ctx, &params)
	})
	if err != nil {
		return err
	}
	return a.describeDifferences(l, sides)
}

// comparisonTimes reads the times, and says which of them do not fit.
func (a *app) comparisonTimes(args []string, f comparison) (params client.CompareAccountsParams, err error) {
	switch {
	case len(args) == 1 && (f.from == "" || f.at != ""):
		return params, usagef("compare with what? Give --from and perhaps --to, or a second instance and perhaps --at")
	case len(args) == 2 && (f.from != "" || f.to != ""):
		return params, usagef("--from and --to go with one instance; two are compared at one time, --at")
	}
	for _, flag := range []struct {
		name, value string
		to          **time.Time
	}{{"from", f.from, &params.From}, {"to", f.to, &params.To}, {"at", f.at, &params.At}} {
		if *flag.to, err = a.moment(flag.name, flag.value); err != nil {
			return params, err
		}
	}
	return params, nil
}

func (a *app) describeDifferences(l list, sides [2]string) error {
	if a.json {
		a.out.json(l)
		return nil
	}
	differences, err := typed[client.AccountDifference](l)
	if err != nil {
		return err
	}
	if a.csv {
		return a.differenceTable(differences, sides, l.NextCursor)
	}
	if len(differences) == 0 {
		a.err.write("No difference.\n")
	}
	for _, d := range differences {
		if err := a.describeDifference(d, sides); err != nil {
			return err
		}
	}
	if l.NextCursor != nil {
		a.err.printf("There may be more than these %d: --limit 0 shows all.\n", len(differences))
	}
	return nil
}

func (a *app) describeDifference(v client.AccountDifference, sides [2]string) error {
	name := accountName(v.Name, v.Host)
	switch v.Side {
	case client.AccountDifferenceSideOnlyFirst:
		a.out.printf("- %s  %s (%s)\n", name, sides[0], string(v.Kind))
		return nil
	case client.AccountDifferenceSideOnlySecond:
		a.out.printf("+ %s  %s (%s)\n", name, sides[1], string(v.Kind))
		return nil
	}
	t, err := rowsOf(v)
	if err != nil {
		return err
	}
	a.out.printf("~ %s\n", name)
	a.facts(t)
	return nil
}

// rowsOf returns a row of two cells for each thing that differs in an account
// of both sides; none for any other.
func rowsOf(v client.AccountDifference) (*table, error) {
	t := &table{indent: 2}
	if v.Side != client.AccountDifferenceSideBoth {
		return t, nil
	}
	var d difference
	if err := json.Unmarshal(v.Diff, &d); err != nil {
		return nil, fmt.Errorf("read the API's answer: difference of %s: %w", accountName(v.Name, v.Host), err)
	}
	d.rows(t, v.Names)
	return t, nil
}

// differenceTable has a row for each thing that differs.
func (a *app) differenceTable(differences []client.AccountDifference, sides [2]string, more *string) error {
	words := map[client.AccountDifferenceSide]string{
		client.AccountDifferenceSideOnlyFirst: sides[0], client.AccountDifferenceSideOnlySecond: sides[1],
		client.AccountDifferenceSideBoth: "both",
	}
	t := &table{header: []string{"NAME", "KIND", "SIDE", "WHAT", "DETAIL"}}
	var rows []client.AccountDifference
	for _, v := range differences {
		changes, err := rowsOf(v)
		if err != nil {
			return err
		}
		if len(changes.rows) == 0 {
			changes.add("", "")
		}
		for _, c := range changes.rows {
			t.add(accountName(v.Name, v.Host), string(v.Kind), words[v.Side], c[0], c[1])
			rows = append(rows, v)
		}
	}
	identify(t, rows)
	a.showTable(t, more)
	return nil
}
