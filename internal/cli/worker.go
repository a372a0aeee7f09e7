package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) workerCommand() *cobra.Command {
	return a.group("worker", "Processes that do the work", a.workerListCommand())
}

func (a *app) workerListCommand() *cobra.Command {
	return a.command("list", "List worker processes", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		c, err := a.connect()
		if err != nil {
			return err
		}
		all, err := read[client.WorkerList](c.ListWorkersWithResponse(ctx))
		if err != nil {
			return err
		}
		return show(a, all, func(l client.WorkerList) {
			t := &table{
				header: []string{"WORKER", "ALIVE", "VERSION", "CONCURRENCY", "QUEUES", "STARTED", "LAST HEARTBEAT"},
				drop:   []string{"STARTED", "VERSION", "CONCURRENCY"},
				keep:   []string{"WORKER"},
			}
			for _, w := range l.Items {
				t.add(fmt.Sprintf("%s/%d", w.Hostname, w.Pid), yesNo(w.Alive), orDash(w.Version), number(w.Concurrency),
					strings.Join(w.Queues, " "), a.when(&w.StartedAt), a.when(&w.BeatenAt))
			}
			identify(t, l.Items)
			a.showTable(t, nil)
		})
	})
}

func (a *app) whoamiCommand() *cobra.Command {
	return a.command("whoami", "Show who your token belongs to", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		c, err := a.connect()
		if err != nil {
			return err
		}
		me, err := read[client.User](c.GetMeWithResponse(ctx))
		if err != nil {
			return err
		}
		return show(a, me, func(u client.User) { a.out.printf("%s (%s), user %d\n", u.Name, u.Role, u.Id) })
	})
}
