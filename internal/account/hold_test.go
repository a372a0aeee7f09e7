package account_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

// A world is an instance and its holds, kept as the store keeps them.
type world struct {
	t       *testing.T
	current account.Current
	holds   int
}

func newWorld(t *testing.T, accounts []account.Account) *world {
	t.Helper()
	return &world{t: t, current: account.Current{Identity: "S", Accounts: stored(t, accounts)}}
}

// read plans a snapshot and carries the plan out.
func (w *world) read(snap account.Snapshot) account.Plan {
	w.t.Helper()
	p := plan(w.t, w.current, snap)
	w.move(p.Hold)
	if p.Replace {
		w.current.Accounts, w.current.Identity = stored(w.t, snap.Accounts), snap.Server.Identity
		return p
	}
	for i, s := range w.current.Accounts {
		if slices.Contains(p.Gone, s.ID) {
			w.current.Accounts[i].Deleted = true
		}
	}
	return p
}

func (w *world) move(move account.HoldMove) {
	now := time.Now()
	h := w.current.Hold
	switch {
	case move.Lapse != 0:
		h.LapsedAt = &now
		if h.Status == account.HoldOpen {
			h.Status = account.HoldSuperseded
		}
	case move.Count != 0:
		h.TimesSeen++
	case move.Apply != 0:
		h.Status, h.AppliedAt = account.HoldConfirmed, &now
	}
	if f := move.Open; f != nil {
		w.holds++
		w.current.Hold = &account.Hold{ID: account.HoldID(w.holds), Reason: f.Reason, Status: account.HoldOpen, Fingerprint: f.Fingerprint}
		if move.Seen {
			w.current.Hold.TimesSeen = 1
		}
	}
}

// A step is one read of the server and what must come of it.
type step struct {
	name   string
	decide account.HoldStatus // by an operator, before the read
	snap   account.Snapshot
	gone   int
	held   bool
	status account.HoldStatus // of the newest hold afterwards
	times  int                // it was seen
	holds  int                // ever
}

func (w *world) run(steps []step) {
	w.t.Helper()
	for _, s := range steps {
		if s.decide != "" {
			w.current.Hold.Status = s.decide
		}
		p := w.read(s.snap)
		if len(p.Gone) != s.gone || p.Held != s.held {
			w.t.Fatalf("%s: %d gone, held %t", s.name, len(p.Gone), p.Held)
		}
		if h := w.current.Hold; h == nil || h.Status != s.status || h.TimesSeen != s.times || w.holds != s.holds {
			w.t.Fatalf("%s: hold %+v, %d ever", s.name, h, w.holds)
		}
	}
}

const (
	open       = account.HoldOpen
	confirmed  = account.HoldConfirmed
	rejected   = account.HoldRejected
	superseded = account.HoldSuperseded
)

func TestHoldOfMassDisappearance(t *testing.T) {
	t.Parallel()
	gap := account.Gap{Database: "app"}
	without := func(n int, gaps ...account.Gap) account.Snapshot { return read(people(1+n, 66-n), gaps...) }
	tests := map[string][]step{
		"confirms itself at the third complete read": {
			{name: "first", snap: without(20), held: true, status: open, times: 1, holds: 1},
			{name: "second", snap: without(20), held: true, status: open, times: 2, holds: 1},
			{name: "third", snap: without(20), gone: 20, status: confirmed, times: 2, holds: 1},
			{name: "afterwards", snap: without(20), status: confirmed, times: 2, holds: 1},
		},
		"incomplete reads do not count": {
			{name: "opened", snap: without(20, gap), held: true, status: open, times: 0, holds: 1},
			{name: "partial", snap: without(20, gap), held: true, status: open, times: 0, holds: 1},
			{name: "complete", snap: without(20), held: true, status: open, times: 1, holds: 1},
			{name: "no list", snap: without(60, account.Gap{}), held: true, status: open, times: 1, holds: 1},
			{name: "complete again", snap: without(20), held: true, status: open, times: 2, holds: 1},
			{name: "partial again", snap: without(20, gap), held: true, status: open, times: 2, holds: 1},
			{name: "third complete", snap: without(20), gone: 20, status: confirmed, times: 2, holds: 1},
		},
		"another mass takes its place": {
			{name: "20", snap: without(20), held: true, status: open, times: 1, holds: 1},
			{name: "21", snap: without(21), held: true, status: open, times: 1, holds: 2},
			{name: "21 again", snap: without(21), held: true, status: open, times: 2, holds: 2},
			{name: "20 again", snap: without(20), held: true, status: open, times: 1, holds: 3},
		},
		"ends when the accounts are back": {
			{name: "gone", snap: without(20), held: true, status: open, times: 1, holds: 1},
			{name: "back", snap: without(0), status: superseded, times: 1, holds: 1},
			{name: "gone again", snap: without(20), held: true, status: open, times: 1, holds: 2},
		},
		"ends when few remain missing": {
			{name: "gone", snap: without(20), held: true, status: open, times: 1, holds: 1},
			{name: "most are back", snap: without(5), gone: 5, status: superseded, times: 1, holds: 1},
		},
		"rejected is not asked again until the picture changes": {
			{name: "gone", snap: without(20), held: true, status: open, times: 1, holds: 1},
			{name: "rejected", decide: rejected, snap: without(20), held: true, status: rejected, times: 1, holds: 1},
			{name: "third", snap: without(20), held: true, status: rejected, times: 1, holds: 1},
			{name: "fourth", snap: without(20), held: true, status: rejected, times: 1, holds: 1},
			{name: "back", snap: without(0), status: rejected, times: 1, holds: 1},
			{name: "gone again", snap: without(20), held: true, status: open, times: 1, holds: 2},
		},
		"rejected, then another set": {
			{name: "gone", snap: without(20), held: true, status: open, times: 1, holds: 1},
			{name: "more gone", decide: rejected, snap: without(21), held: true, status: open, times: 1, holds: 2},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newWorld(t, people(1, 66)).run(steps)
		})
	}
}

func TestHoldStaysWhileNewAccountsDiluteIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, people(1, 66))
	w.read(read(people(21, 46)))
	more := people(21, 146) // 20 of 166 would not be held by themselves
	w.current.Accounts = append(w.current.Accounts, stored(t, people(67, 100))...)
	if p := w.read(read(more)); !p.Held || p.Gone != nil {
		t.Errorf("held %t, %d gone", p.Held, len(p.Gone))
	}
}

func TestHoldOfAnotherServer(t *testing.T) {
	t.Parallel()
	gap := account.Gap{Database: "app"}
	server := func(identity string, gaps ...account.Gap) account.Snapshot {
		snap := read(people(1, 5), gaps...)
		snap.Server = fleet.Server{Identity: identity}
		return snap
	}
	tests := map[string][]step{
		"confirms itself at the third complete read": {
			{name: "first", snap: server("T"), held: true, status: open, times: 1, holds: 1},
			{name: "partial", snap: server("T", gap), held: true, status: open, times: 1, holds: 1},
			{name: "second", snap: server("T"), held: true, status: open, times: 2, holds: 1},
			{name: "third", snap: server("T"), gone: 5, status: confirmed, times: 2, holds: 1},
			{name: "afterwards", snap: server("T"), status: confirmed, times: 2, holds: 1},
		},
		"confirmed by an operator is applied by the next read": {
			{name: "first", snap: server("T"), held: true, status: open, times: 1, holds: 1},
			{name: "no list", decide: confirmed, snap: server("T", account.Gap{}), held: true, status: confirmed, times: 1, holds: 1},
			{name: "next", snap: server("T"), gone: 5, status: confirmed, times: 1, holds: 1},
		},
		"confirmed, but the old one is back": {
			{name: "first", snap: server("T"), held: true, status: open, times: 1, holds: 1},
			{name: "old", decide: confirmed, snap: server("S"), status: confirmed, times: 1, holds: 1},
			{name: "other", snap: server("T"), held: true, status: open, times: 1, holds: 2},
		},
		"rejected stays held silently": {
			{name: "first", snap: server("T"), held: true, status: open, times: 1, holds: 1},
			{name: "rejected", decide: rejected, snap: server("T"), held: true, status: rejected, times: 1, holds: 1},
			{name: "again", snap: server("T"), held: true, status: rejected, times: 1, holds: 1},
			{name: "a third one", snap: server("U"), held: true, status: open, times: 1, holds: 2},
		},
		"ends when the old one answers": {
			{name: "first", snap: server("T"), held: true, status: open, times: 1, holds: 1},
			{name: "old", snap: server("S", account.Gap{}), status: superseded, times: 1, holds: 1},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newWorld(t, people(1, 5)).run(steps)
		})
	}
}

// Whatever a server shows, a mass of accounts is gone only after a person's
// word or three complete reads that agree, and what was read is never gone.
func TestHoldGuardsEverySequenceOfReads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, people(1, 10))
		rules := account.HoldRules{Percent: 30, Minimum: 3}
		same, last := 0, ""
		for range rapid.IntRange(1, 12).Draw(rt, "reads") {
			now := people(1, 10)[rapid.IntRange(0, 10).Draw(rt, "missing"):]
			list := rapid.SliceOfN(gaps(), 0, 1).Draw(rt, "gaps")
			before := alive(w.current.Accounts)
			snap := read(now, list...)
			p, err := account.NewPlan(w.current, snap, rules)
			if err != nil {
				rt.Fatal(err)
			}
			if snap.Complete() {
				if key := string(rune(len(now))); key == last {
					same++
				} else {
					same, last = 1, key
				}
			}
			if mass := len(p.Gone) >= 3 && len(p.Gone)*10 > 3*before; mass && same < account.SelfConfirm {
				rt.Fatalf("%d of %d are gone after %d reads that agree", len(p.Gone), before, same)
			}
			if p.Gone != nil && !snap.ListComplete() {
				rt.Fatal("gone by a list that is incomplete")
			}
			w.carryOut(p)
		}
	})
}

func (w *world) carryOut(p account.Plan) {
	w.move(p.Hold)
	for i, s := range w.current.Accounts {
		if slices.Contains(p.Gone, s.ID) {
			w.current.Accounts[i].Deleted = true
		}
	}
	for _, write := range p.Change {
		w.current.Accounts[write.ID-1].Deleted = false
	}
}

func alive(accounts []account.Stored) int {
	n := 0
	for _, s := range accounts {
		if !s.Deleted {
			n++
		}
	}
	return n
}
