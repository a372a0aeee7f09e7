package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) syncErrorsCommand() *cobra.Command {
	cmd := a.command("errors SESSION", "Show what went wrong in a sync, by kind", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.showErrors(ctx, args[0]) })
	cmd.Long = "Shows the failures of a sync by kind, the most frequent first. KIND names one\n" +
		"in sync records --fingerprint and sync retry --fingerprint."
	return cmd
}

func (a *app) showErrors(ctx context.Context, named string) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findSession(ctx, named)
	if err != nil {
		return err
	}
	all, err := read[client.ErrorKindList](c.ListSyncErrorsWithResponse(ctx, id))
	if err != nil {
		return err
	}
	return show(a, all, func(l client.ErrorKindList) {
		t := &table{
			header: []string{"KIND", "COUNT", "CODE", "PHASE", "SUCH AS", "ERROR"},
			drop:   []string{"PHASE", "SUCH AS"},
			keep:   []string{"KIND", "CODE"},
			wrap:   true,
		}
		for _, k := range l.Items {
			t.add(orDash(k.Fingerprint), number(k.Count), k.Code, k.Phase, sampleNames(k.Samples), k.Message)
		}
		a.showTable(t, nil)
	})
}

func sampleNames(samples []client.ErrorSample) string {
	if len(samples) == 0 {
		return "-"
	}
	return samples[0].InstanceName
}
