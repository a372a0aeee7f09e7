package session

import (
	"testing"

	"pgregory.net/rapid"
)

func TestRecordMoves(t *testing.T) {
	t.Parallel()
	const (
		p, q, r    = RecordPending, RecordQueued, RecordRunning
		ok, bad    = RecordCompleted, RecordFailed
		gone, skip = RecordCancelled, RecordSkipped
	)
	allowed := map[RecordStatus][]RecordStatus{
		p:  {q, bad, gone, skip},
		q:  {p, r, bad, gone, skip},
		r:  {p, ok, bad, gone, skip},
		ok: nil, bad: nil, gone: nil, skip: nil,
	}
	for from, next := range allowed {
		for _, to := range RecordStatuses() {
			want := false
			for _, n := range next {
				want = want || n == to
			}
			got, err := from.To(to)
			if (err == nil) != want {
				t.Errorf("%s to %s: %v, want allowed %v", from, to, err, want)
			}
			if err == nil && got != to || err != nil && got != from {
				t.Errorf("%s to %s gave %s", from, to, got)
			}
		}
		if terminal := len(next) == 0; from.Terminal() != terminal {
			t.Errorf("%s is terminal: %v", from, from.Terminal())
		}
	}
	if _, err := RecordPending.To("gone"); err == nil {
		t.Error("moved to a state that does not exist")
	}
}

func TestRecordStatusesAreAll(t *testing.T) {
	t.Parallel()
	open := 0
	for _, s := range RecordStatuses() {
		if !s.Terminal() {
			open++
		}
	}
	if len(RecordStatuses()) != 7 || open != len(recordMoves) {
		t.Errorf("%d states, %d of them open; the table has %d", len(RecordStatuses()), open, len(recordMoves))
	}
}

func TestSessionTerminal(t *testing.T) {
	t.Parallel()
	for s, want := range map[Status]bool{Running: false, Cancelling: false, Completed: true, Failed: true, Cancelled: true} {
		if s.Terminal() != want {
			t.Errorf("%s is terminal: %v", s, s.Terminal())
		}
	}
}

func TestConclude(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		counts     Counts
		cancelling bool
		status     Status
		result     Result
	}{
		"no records":                     {Counts{}, false, Completed, Succeeded},
		"all read":                       {Counts{Completed: 3}, false, Completed, Succeeded},
		"all skipped":                    {Counts{Skipped: 3}, false, Completed, Succeeded},
		"read and skipped":               {Counts{Completed: 1, Skipped: 3}, false, Completed, Succeeded},
		"one read incompletely":          {Counts{Completed: 3, Partial: 1}, false, Completed, Partial},
		"one cancelled, others read":     {Counts{Completed: 3, Cancelled: 1}, false, Completed, Partial},
		"all cancelled one by one":       {Counts{Cancelled: 3}, false, Completed, ResultCancelled},
		"cancelled one by one, skipped":  {Counts{Cancelled: 3, Skipped: 1}, false, Completed, ResultCancelled},
		"one failed, others read":        {Counts{Completed: 3, Failed: 1}, false, Failed, Partial},
		"all failed":                     {Counts{Failed: 3}, false, Failed, ResultFailed},
		"failed and skipped":             {Counts{Failed: 3, Skipped: 1}, false, Failed, ResultFailed},
		"failed and cancelled":           {Counts{Failed: 1, Cancelled: 1}, false, Failed, ResultFailed},
		"cancelled as a whole":           {Counts{Completed: 1, Cancelled: 2}, true, Cancelled, ResultCancelled},
		"cancelled after all were read":  {Counts{Completed: 3}, true, Cancelled, ResultCancelled},
		"cancelled after some had ended": {Counts{Completed: 1, Failed: 1, Cancelled: 1}, true, Cancelled, ResultCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if status, result := Conclude(test.counts, test.cancelling); status != test.status || result != test.result {
				t.Errorf("%s, %s; want %s, %s", status, result, test.status, test.result)
			}
		})
	}
}

func TestConcludeHoldsForAllCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.IntRange(0, 3)
		c := Counts{
			Completed: number.Draw(t, "completed"), Failed: number.Draw(t, "failed"),
			Cancelled: number.Draw(t, "cancelled"), Skipped: number.Draw(t, "skipped"),
		}
		c.Partial = rapid.IntRange(0, c.Completed).Draw(t, "partial")
		status, result := Conclude(c, false)
		if !status.Terminal() || result == "" {
			t.Fatalf("%s, %q", status, result)
		}
		if (status == Failed) != (c.Failed > 0) {
			t.Fatalf("%s with %d failed", status, c.Failed)
		}
		clean := c.Failed == 0 && c.Cancelled == 0 && c.Partial == 0
		if (result == Succeeded) != clean {
			t.Fatalf("%s with %+v", result, c)
		}
		if result == Partial && c.Completed == 0 {
			t.Fatalf("partial without one that was read: %+v", c)
		}
		if c.Done() != c.Completed+c.Failed+c.Cancelled+c.Skipped || c.Open() != 0 {
			t.Fatalf("done %d, open %d of %+v", c.Done(), c.Open(), c)
		}
	})
}
