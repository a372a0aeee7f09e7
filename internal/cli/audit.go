package cli

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// auditFilter is the flags of audit.
type auditFilter struct {
	user, action, object string
	from, to             string
	outcome              *choice
	limit                int
}

func (a *app) auditCommand() *cobra.Command {
	var f auditFilter
	cmd := a.command("audit", "Show who changed what, and who was refused, newest first", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.listAudit(ctx, &f) })
	cmd.Long = `Shows changes and refused attempts, newest first:
  dbfleet audit --user alice --from 7d
  dbfleet audit --object instance:12
  dbfleet audit --outcome denied --from 2026-11-01 --to 2026-12-01
A time is a date, a date and time, in your own zone, or how long ago: 7d, 12h.`
	flags := cmd.Flags()
	flags.StringVar(&f.user, "user", "", "done by this `USER`, by name or id; system is DBFleet itself")
	flags.StringVar(&f.action, "action", "", "only this `ACTION`, such as instance.update")
	flags.StringVar(&f.object, "object", "", "done to this `OBJECT`: TYPE or TYPE:ID, such as instance:12")
	flags.StringVar(&f.from, "from", "", "at or after this `TIME`")
	flags.StringVar(&f.to, "to", "", "before this `TIME`")
	f.outcome = choiceFlag(cmd, "outcome", "", "how it ended", words(client.AuditOutcomeDone, client.AuditOutcomeDenied)...)
	limitFlag(cmd, &f.limit)
	return cmd
}

func (a *app) listAudit(ctx context.Context, f *auditFilter) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	params, err := f.params(a)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	if params.UserId, err = f.who(ctx, c); err != nil {
		return err
	}
	l, err := collect(ctx, f.limit, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		params.Limit, params.Cursor = limit, cursor
		return c.ListAuditEventsWithResponse(ctx, &params)
	})
	if err != nil {
		return err
	}
	t := &table{
		header: []string{"AT", "USER", "ACTION", "OBJECT", "OUTCOME", "FROM", "DETAIL"},
		drop:   []string{"FROM", "DETAIL", "OUTCOME"},
		keep:   []string{"AT", "USER", "ACTION"},
	}
	return showList(a, l, t, func(e client.AuditEvent) []string {
		return []string{
			a.when(&e.At), e.UserName, e.Action, orDash(strings.Trim(e.ObjectType+":"+e.ObjectId, ":")), string(e.Outcome),
			orDash(e.RemoteAddr), details(e.Detail),
		}
	})
}

// params are all but the user, who has to be looked up.
func (f *auditFilter) params(a *app) (client.ListAuditEventsParams, error) {
	kind, id, _ := strings.Cut(f.object, ":")
	params := client.ListAuditEventsParams{
		Action: optional(f.action), ObjectType: optional(kind), ObjectId: optional(id), Outcome: given[client.AuditOutcome](f.outcome),
	}
	var err error
	if params.From, err = a.moment("from", f.from); err != nil {
		return params, err
	}
	params.To, err = a.moment("to", f.to)
	return params, err
}

// systemUser is how the system itself is called; its id is 0.
const systemUser = "system"

func (f *auditFilter) who(ctx context.Context, c *api) (*int64, error) {
	switch f.user {
	case "":
		return nil, nil
	case systemUser, "0":
		return new(int64(0)), nil
	}
	id, err := c.findUser(ctx, f.user)
	return &id, err
}

func details(detail map[string]any) string {
	if len(detail) == 0 {
		return "-"
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return "?"
	}
	return string(text)
}
