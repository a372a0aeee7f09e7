package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) accountHistoryCommand() *cobra.Command {
	var limit int
	var instance string
	cmd := a.command("history (ID | NAME --instance INSTANCE)", "Show every change of an account, the newest first", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.showHistory(ctx, args[0], instance, limit) })
	ownerFlag(cmd, &instance)
	limitFlag(cmd, &limit)
	return cmd
}

func (a *app) showHistory(ctx context.Context, named, instance string, limit int) error {
	if err := checkLimit(limit); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findAccount(ctx, named, instance)
	if err != nil {
		return err
	}
	l, err := collect(ctx, limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		return c.ListAccountHistoryWithResponse(ctx, id, &client.ListAccountHistoryParams{Limit: limit, Cursor: cursor})
	})
	if err != nil {
		return err
	}
	return a.describeHistory(l)
}

func (a *app) describeHistory(l list) error {
	if a.json {
		a.out.json(l)
		return nil
	}
	versions, err := typed[client.AccountVersion](l)
	if err != nil {
		return err
	}
	if a.csv {
		return a.historyTable(versions, l.NextCursor)
	}
	for _, v := range versions {
		if err := a.describeVersion(v); err != nil {
			return err
		}
	}
	if l.NextCursor != nil {
		a.err.printf("There are more than these %d: --limit 0 shows all.\n", len(versions))
	}
	return nil
}

// difference is what changed, as DBFleet stores it.
type difference struct {
	Renamed     *change[string] `json:"renamed"`
	Fields      []fieldChange   `json:"fields"`
	Attributes  []fieldChange   `json:"attributes"`
	Memberships struct {
		Added   []client.Membership         `json:"added"`
		Removed []client.Membership         `json:"removed"`
		Changed []change[client.Membership] `json:"changed"`
	} `json:"memberships"`
	Grants struct {
		Added   []client.Grant `json:"added"`
		Removed []client.Grant `json:"removed"`
	} `json:"grants"`
}

type change[T any] struct {
	From T `json:"from"`
	To   T `json:"to"`
}

type fieldChange struct {
	Name string `json:"name"`
	change[any]
}

func (a *app) describeVersion(v client.AccountVersion) error {
	t, err := changesOf(v)
	if err != nil {
		return err
	}
	a.out.printf("%s  %s  session %s\n", a.when(&v.ValidFrom), v.Change, v.SessionId.String())
	a.facts(t)
	return nil
}

// historyTable is the history with a row for each thing that changed.
func (a *app) historyTable(versions []client.AccountVersion, more *string) error {
	t := &table{header: []string{"TIME", "CHANGE", "SESSION", "WHAT", "DETAIL"}}
	var rows []client.AccountVersion
	for _, v := range versions {
		changes, err := changesOf(v)
		if err != nil {
			return err
		}
		if len(changes.rows) == 0 {
			changes.add("", "")
		}
		for _, c := range changes.rows {
			t.add(a.when(&v.ValidFrom), string(v.Change), v.SessionId.String(), c[0], c[1])
			rows = append(rows, v)
		}
	}
	identify(t, rows)
	a.showTable(t, more)
	return nil
}

// changesOf returns a row of two cells for each thing that changed.
func changesOf(v client.AccountVersion) (*table, error) {
	var d difference
	if err := json.Unmarshal(v.Diff, &d); err != nil {
		return nil, fmt.Errorf("read the API's answer: change %d: %w", v.Id, err)
	}
	t := &table{indent: 2}
	d.rows(t, v.Names)
	return t, nil
}

// rows adds everything that differs to a table of two columns.
func (d *difference) rows(t *table, names roleNames) {
	if d.Renamed != nil {
		t.add("renamed", fmt.Sprintf("%s → %s", d.Renamed.From, d.Renamed.To))
	}
	for _, f := range slices.Concat(d.Fields, d.Attributes) {
		t.add(f.Name, fmt.Sprintf("%s → %s", shownValue(f.From), shownValue(f.To)))
	}
	d.membershipRows(t, names)
	d.grantRows(t, names)
}

func (d *difference) membershipRows(t *table, names roleNames) {
	for _, m := range d.Memberships.Added {
		t.add("+ member of", withOptions(m, names))
	}
	for _, m := range d.Memberships.Removed {
		t.add("- member of", withOptions(m, names))
	}
	for _, m := range d.Memberships.Changed {
		t.add("member of", fmt.Sprintf("%s: %s → %s", names.of(m.To.Role),
			orDash(membershipOptions(m.From)), orDash(membershipOptions(m.To))))
	}
}

func withOptions(m client.Membership, names roleNames) string {
	if options := membershipOptions(m); options != "" {
		return names.of(m.Role) + " (" + options + ")"
	}
	return names.of(m.Role)
}

func (d *difference) grantRows(t *table, names roleNames) {
	for _, g := range d.Grants.Added {
		t.add("+ "+g.Type, grantChange(g, names))
	}
	for _, g := range d.Grants.Removed {
		t.add("- "+g.Type, grantChange(g, names))
	}
}

// grantChange is a grant on one line. Where only the right to grant on has
// changed, it names no privileges.
func grantChange(g client.Grant, names roleNames) string {
	what := privileges(g)
	if what == "" && g.Grantable != nil {
		what = "right to grant on " + privileges(client.Grant{Privileges: *g.Grantable})
	}
	line := what
	if object := grantObject(g); object != "" {
		line += " on " + object
	}
	if text(g.Database) != "" {
		line += " in " + *g.Database
	}
	if more := remarks(g, names); more != "" {
		line += " " + more
	}
	return line
}
