package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// Records is what the doctor asks about DBFleet's own data.
type Records interface {
	SchemaVersion(ctx context.Context) (int64, error)
	Violations(ctx context.Context) ([]string, error)
	Census(ctx context.Context) ([]session.Census, error)
	Workers(ctx context.Context) ([]session.Worker, error)
	// Upkeep returns the rest in one go.
	Upkeep(ctx context.Context) (Upkeep, error)
}

// Upkeep is what somebody should know about DBFleet's own data.
type Upkeep struct {
	Scheduler   bool           // one has renewed its lease
	Overdue     []string       // sessions open for longer than Grace after their deadline
	Schedules   int            // that are not paused
	Broken      []string       // schedules that a fault has paused
	Missed      []string       // schedules that missed a time, or failed, within Recent
	Credentials map[string]int // by the id of the key that they are sealed for
	TLSModes    map[string]int // of active instances
	Addresses   []Address      // of active instances
	Holds       int            // open ones
}

// Grace is how long a session may be open after its deadline, and Recent what
// Upkeep.Missed looks back on.
const (
	Grace  = 10 * time.Minute
	Recent = 24 * time.Hour
)

// Address is where instances are.
type Address struct {
	Host      string
	Port      int
	Name      string // of one of them
	Instances int
}

func (p Patient) records(ctx context.Context, server Server) ([]Address, map[string]int, []Finding) {
	violations, err := ask(ctx, invariantTime, p.Records.Violations)
	all := []Finding{judgeInvariants(violations, err)}
	workers, err := ask(ctx, askTime, p.Records.Workers)
	if err != nil {
		return nil, nil, append(all, notTold("workers", err))
	}
	live := slices.DeleteFunc(workers, func(w session.Worker) bool { return !w.Alive })
	all = append(all, judgeConnections(server, p.Pools, len(live)))
	census, err := ask(ctx, askTime, p.Records.Census)
	if err != nil {
		return nil, nil, append(all, notTold("queues", err))
	}
	all = append(all, judgeWorkers(live, census), judgeQueues(census, p.Serves), judgeOldest(census))
	u, err := ask(ctx, askTime, p.Records.Upkeep)
	if err != nil {
		return nil, nil, append(all, notTold("schedulers", err))
	}
	return u.Addresses, u.Credentials, append(all, judgeUpkeep(u, open(census))...)
}

func judgeInvariants(lines []string, err error) Finding {
	switch {
	case err != nil:
		return warn("invariants", "Run dbfleet doctor again when the database has less to do.", "not looked at to the end: %s", reason(err))
	case len(lines) > 0:
		return fail("invariants", "Keep the logs and a dump of the database, and report it: this must never be.",
			"%d broken: %s", len(lines), some(lines))
	}
	return ok("invariants", "all hold")
}

// open is how many records wait or run.
func open(census []session.Census) int {
	total := 0
	for _, c := range census {
		for status, n := range c.Records {
			if !status.Terminal() {
				total += n
			}
		}
	}
	return total
}

// judgeWorkers takes it for a failure that nobody works when there is work.
func judgeWorkers(live []session.Worker, census []session.Census) Finding {
	const advice = "Start a worker; its log and /readyz say what it waits for."
	work := open(census)
	switch {
	case len(live) == 0 && work > 0:
		return fail("workers", advice, "none is alive, and %d records are to be done", work)
	case len(live) == 0:
		return warn("workers", advice, "none is alive")
	}
	names := make([]string, len(live))
	for i, w := range live {
		names[i] = fmt.Sprintf("%s/%d", w.Hostname, w.PID)
	}
	return ok("workers", "%d alive: %s", len(live), some(names))
}

// judgeQueues looks at the categories that this release serves.
func judgeQueues(census []session.Census, serves session.Serves) Finding {
	var idle, waiting []string
	for _, c := range census {
		switch {
		case c.Workers > 0:
		case c.Due > 0:
			waiting = append(waiting, string(c.Category))
		case len(serves.Engines(c.Category)) > 0:
			idle = append(idle, string(c.Category))
		}
	}
	const advice = "Start a worker whose DBFLEET_QUEUES names it."
	switch {
	case len(waiting) > 0:
		return fail("queues", advice, "records wait and no live worker serves %s", some(waiting))
	case len(idle) > 0:
		return warn("queues", advice, "no live worker serves %s", some(idle))
	}
	return ok("queues", "each has a live worker")
}

const longWait = 10 * time.Minute

func judgeOldest(census []session.Census) Finding {
	var oldest time.Duration
	due := 0
	for _, c := range census {
		oldest, due = max(oldest, c.Oldest), due+c.Due
	}
	if oldest > longWait {
		return warn("oldest_due", "See that workers and a scheduler live, and whether dispatch.host_limit holds it back.",
			"the oldest of %d due records has waited for %s", due, oldest.Round(time.Second))
	}
	return ok("oldest_due", "%d records are due, none for long", due)
}

func judgeUpkeep(u Upkeep, work int) []Finding {
	return []Finding{judgeScheduler(u, work), judgeOverdue(u.Overdue), judgeSchedules(u), judgeTLS(u.TLSModes), judgeHolds(u.Holds)}
}

// judgeScheduler goes by the lease that a scheduler renews every 15 seconds.
func judgeScheduler(u Upkeep, work int) Finding {
	const advice = "Start a scheduler; its log and /readyz say what it waits for."
	switch {
	case u.Scheduler:
		return ok("schedulers", "one has reported within the last minute")
	case work > 0:
		return fail("schedulers", advice, "none has reported within the last minute, and %d records are to be done", work)
	case u.Schedules > 0:
		return fail("schedulers", advice, "none has reported within the last minute, and %d schedules are to fire", u.Schedules)
	}
	return warn("schedulers", advice, "none has reported within the last minute")
}

func judgeOverdue(overdue []string) Finding {
	if len(overdue) == 0 {
		return ok("sessions", "none is open long after its deadline")
	}
	return fail("sessions", "See that a scheduler lives; dbfleet sync cancel SESSION ends one.",
		"%d are open %s after their deadline: %s", len(overdue), Grace, some(overdue))
}

func judgeSchedules(u Upkeep) Finding {
	const look = "dbfleet schedule history NAME says why"
	switch {
	case len(u.Broken) > 0:
		return fail("schedules", look+"; mend it, then dbfleet schedule resume NAME.", "paused by a fault: %s", some(u.Broken))
	case len(u.Missed) > 0:
		return warn("schedules", look+".", "missed a time or failed within %s: %s", Recent, some(u.Missed))
	}
	return ok("schedules", "%d are active, none missed a time within %s", u.Schedules, Recent)
}

func judgeTLS(modes map[string]int) Finding {
	weak := modes["require"] + modes["disable"]
	total := 0
	for n := range maps.Values(modes) {
		total += n
	}
	if weak == 0 {
		return ok("tls", "every active instance is checked by its certificate (%d)", total)
	}
	return warn("tls", "dbfleet instance list shows the modes; verify-full and verify-ca check the server.",
		"of %d active instances %d have tls_mode require and %d disable", total, modes["require"], modes["disable"])
}

func judgeHolds(holds int) Finding {
	if holds == 0 {
		return ok("holds", "none waits for a decision")
	}
	return warn("holds", "dbfleet hold list shows them; hold confirm and hold reject decide.", "%d wait for a decision", holds)
}
