package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) syncStatsCommand() *cobra.Command {
	var f sessionFilter
	cmd := a.command("stats", "Sum syncs up, by outcome and by day", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.showStats(ctx, &f) })
	cmd.Long = "Sums up the syncs that started within a span, by default within the last 30 days."
	f.add(cmd)
	return cmd
}

func (a *app) showStats(ctx context.Context, f *sessionFilter) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	p, err := f.params(ctx, a, c)
	if err != nil {
		return err
	}
	sums, err := read[client.SyncStatistics](c.GetSyncStatisticsWithResponse(ctx, &client.GetSyncStatisticsParams{
		Category: p.Category, Status: p.Status, Type: p.Type, Result: p.Result, CreatedBy: p.CreatedBy,
		InstanceId: p.InstanceId, ScheduleId: p.ScheduleId, From: p.From, To: p.To, Q: p.Q,
	}))
	if err != nil {
		return err
	}
	return show(a, sums, a.describeStats)
}

func (a *app) describeStats(s client.SyncStatistics) {
	total := s.Total
	a.out.printf("Syncs from %s to %s\n", a.when(&s.From), a.when(&s.To))
	t := &table{indent: 2}
	t.add("syncs", fmt.Sprintf("%d, %d ended, %d succeeded (%s)", total.Sessions, total.Ended, total.Succeeded, share(total.SuccessRate)))
	t.add("instances", fmt.Sprintf("%d completed, %d failed, %d cancelled, %d skipped (%s read)",
		total.Completed, total.Failed, total.Cancelled, total.Skipped, share(total.ReadRate)))
	t.add("durations", fmt.Sprintf("half below %s, 95 %% below %s, longest %s",
		milliseconds(total.DurationsMs.P50), milliseconds(total.DurationsMs.P95), milliseconds(total.DurationsMs.Max)))
	if total.RecordsPerSecond != nil {
		t.add("speed", fmt.Sprintf("%.1f instances/s", *total.RecordsPerSecond))
	}
	a.facts(t)
	if a.csv {
		a.showTable(statsTable(s), nil)
		return
	}
	words := figuresTable("BY", "WHICH")
	addWords(words, s)
	days := figuresTable("DAY (" + s.TimeZone + ")")
	for _, d := range s.ByDay {
		if d.Figures.Sessions > 0 {
			addFigures(days, d.Figures, d.Date)
		}
	}
	for _, part := range []*table{words, days} {
		if len(part.rows) > 0 {
			a.out.write("\n")
			a.showTable(part, nil)
		}
	}
}

// addWords adds the figures of every word: a status and a result may have the
// same one.
func addWords(t *table, s client.SyncStatistics) {
	for _, part := range []struct {
		kind string
		by   client.FiguresByWord
	}{{"category", s.ByCategory}, {"type", s.ByType}, {"status", s.ByStatus}, {"result", s.ByResult}} {
		for _, word := range slices.Sorted(maps.Keys(part.by)) {
			addFigures(t, part.by[word], part.kind, word)
		}
	}
}

// statsTable is everything in one table.
func statsTable(s client.SyncStatistics) *table {
	t := figuresTable("BY", "WHICH")
	addFigures(t, s.Total, "total", "")
	addWords(t, s)
	for _, d := range s.ByDay {
		addFigures(t, d.Figures, "day", d.Date)
	}
	return t
}

func figuresTable(first ...string) *table {
	return &table{
		header: append(first, "SYNCS", "SUCCEEDED", "RATE", "INSTANCES", "FAILED", "HALF BELOW", "95 % BELOW", "LONGEST"),
		drop:   []string{"HALF BELOW", "LONGEST", "RATE", "95 % BELOW"},
		keep:   slices.Clone(first),
	}
}

func addFigures(t *table, f client.Figures, first ...string) {
	t.add(append(first, number(f.Sessions), number(f.Succeeded), share(f.SuccessRate), number(f.Completed), number(f.Failed),
		milliseconds(f.DurationsMs.P50), milliseconds(f.DurationsMs.P95), milliseconds(f.DurationsMs.Max))...)
}

// share is a rate in per cent; "-" when there is none.
func share(rate *float64) string {
	if rate == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", *rate*100)
}
