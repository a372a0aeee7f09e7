package cli

import (
	"fmt"
	"strings"

	"github.com/dbfleet/dbfleet/client"
)

// summary says how a session ended and what to do about it.
func (a *app) summary(s client.SyncSession) {
	took := ""
	if s.CompletedAt != nil {
		took = " after " + span(s.CompletedAt.Sub(s.StartedAt))
	}
	a.out.printf("\nSession %s ended: %s%s\n", s.SessionId.String(), outcome(s), took)
	if s.Reason != "" {
		a.out.printf("  reason     %s\n", s.Reason)
	}
	a.counts(s)
	a.failures(s)
	a.advice(s)
}

// counts prints what became of the instances and of what was read.
func (a *app) counts(s client.SyncSession) {
	a.out.printf("  instances  %s\n", tally(s))
	a.out.printf("  items      %s read: %s created, %s updated, %s deleted\n",
		thousands(s.Items.Synced), thousands(s.Items.Created), thousands(s.Items.Updated), thousands(s.Items.Deleted))
	if d := s.DurationsMs; d.P50 != nil {
		a.out.printf("  durations  half below %s, 95 %% below %s, longest %s\n",
			milliseconds(d.P50), milliseconds(d.P95), milliseconds(d.Max))
	}
}

// tally is "100: 97 completed (1 incomplete), 2 failed, 1 skipped".
func tally(s client.SyncSession) string {
	c := s.Counts
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{
		{c.Completed, "completed"},
		{c.Failed, "failed"},
		{c.Cancelled, "cancelled"},
		{c.Skipped, "skipped"},
		{c.Running, "running"},
		{c.Queued, "queued"},
		{c.Pending, "pending"},
	} {
		switch {
		case part.n == 0:
		case part.word == "completed" && c.Partial > 0:
			parts = append(parts, fmt.Sprintf("%d completed (%d of them incomplete or held)", part.n, c.Partial))
		default:
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	if len(parts) == 0 {
		return number(s.TotalInstances)
	}
	return fmt.Sprintf("%d: %s", s.TotalInstances, strings.Join(parts, ", "))
}

// failures prints the failed instances by what went wrong.
func (a *app) failures(s client.SyncSession) {
	if len(s.ErrorGroups) == 0 {
		return
	}
	a.out.write("\nFailures:\n")
	for _, g := range s.ErrorGroups {
		// Never cut: the end of the driver's words is often what matters.
		a.out.printf("  %d × %s at %s, such as %s\n      %s\n", g.Count, g.Code, g.Phase, g.Sample, g.Message)
	}
}

// advice says which commands go on from here.
func (a *app) advice(s client.SyncSession) {
	id := s.SessionId.String()
	t := &table{indent: 2}
	if s.Counts.Failed > 0 {
		t.add("every failed one:", "dbfleet sync records "+id+" --status failed")
		t.add("kinds of failure:", "dbfleet sync errors "+id)
		t.add("try them again:", "dbfleet sync retry "+id+" --watch")
	}
	if len(s.ErrorGroups) > 1 {
		t.add("or one kind only:", "dbfleet sync retry "+id+" --code "+s.ErrorGroups[0].Code+" --watch")
	}
	if s.Counts.Cancelled > 0 {
		t.add("sync the cancelled:", "dbfleet sync retry "+id+" --scope cancelled --watch")
	}
	if s.Counts.Partial > 0 {
		t.add("what is incomplete:", "dbfleet sync show "+id+" --records --status completed")
		t.add("what is held:", "dbfleet hold list")
	}
	if len(t.rows) > 0 {
		a.out.write("\n" + t.render(0))
	}
}
