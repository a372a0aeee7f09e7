package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Postgres is what the doctor asks the server of DBFleet's own database.
type Postgres interface {
	// Clock returns the server's time. Its errors hold no more than the reason.
	Clock(ctx context.Context) (time.Time, error)
	// Server returns what the server says about itself.
	Server(ctx context.Context) (Server, error)
	// TryListen returns an error when a notice does not arrive at a listener.
	TryListen(ctx context.Context) error
}

// Server is what Postgres says about itself.
type Server struct {
	Version     string
	VersionNum  int // such as 150004
	Encoding    string
	Connections int  // that the role may have at once
	ReadOnly    bool // or a standby
}

// Pools says how many connections each process of this environment opens.
type Pools struct{ API, Worker, Scheduler int }

const oldestPostgres = 120000 // what its own SQL needs; tested on 15

// database returns the findings about Postgres and what is in it, and facts for
// others: nil when they are not known.
func (p Patient) database(ctx context.Context) ([]Address, map[string]int, []Finding) {
	if p.Postgres == nil {
		return nil, nil, []Finding{warn("postgres", "Set DBFLEET_DATABASE_URL as the processes have it.", "not looked at: no usable URL")}
	}
	skew, err := p.skew(ctx, p.Postgres.Clock)
	if err != nil {
		return nil, nil, []Finding{fail("postgres", "Start Postgres, or mend DBFLEET_DATABASE_URL; the processes wait for it.",
			"cannot be reached: %s", reason(err))}
	}
	all := []Finding{ok("postgres", "answers"), judgeSkew("clock_postgres", skew)}
	server, err := ask(ctx, askTime, p.Postgres.Server)
	if err != nil {
		return nil, nil, append(all, notTold("postgres_version", err))
	}
	all = append(all, judgeServer(server)...)
	_, err = ask(ctx, 2*askTime, func(ctx context.Context) (struct{}, error) { return struct{}{}, p.Postgres.TryListen(ctx) })
	all = append(all, judgeListen(err))
	version, err := ask(ctx, askTime, p.Records.SchemaVersion)
	if err != nil {
		return nil, nil, append(all, notTold("migrations", err))
	}
	schema := judgeSchema(version, p.Schema)
	all = append(all, schema)
	if schema.Verdict != OK {
		return nil, nil, append(all, warn("records", "Mend the schema and run dbfleet doctor again.", "not looked at: the schema does not fit"))
	}
	addresses, credentials, found := p.records(ctx, server)
	return addresses, credentials, append(all, found...)
}

func notTold(check string, err error) Finding {
	return fail(check, "Look at the log of Postgres, and run dbfleet doctor again.", "could not be read: %s", reason(err))
}

// judgeConfiguration names what is not set here beside a good verdict: no machine
// needs the variables of all processes.
func judgeConfiguration(faults []error, unset []string) []Finding {
	const advice = "Correct the variable where the processes get it, and start them again."
	switch {
	case len(faults) == 0 && len(unset) == 0:
		return []Finding{ok("configuration", "every variable can be read")}
	case len(faults) == 0:
		return []Finding{ok("configuration", "every variable that is set can be read; not set here: %s", strings.Join(unset, ", "))}
	}
	var all []Finding
	for _, fault := range faults {
		all = append(all, fail("configuration", advice, "%v", fault))
	}
	return all
}

func judgeServer(s Server) []Finding {
	version := ok("postgres_version", "%s", s.Version)
	if s.VersionNum < oldestPostgres {
		version = fail("postgres_version", "Move DBFleet's database to a newer server.", "%s is older than %d", s.Version, oldestPostgres/10000)
	}
	encoding := ok("postgres_encoding", "%s", s.Encoding)
	if s.Encoding != "UTF8" {
		encoding = fail("postgres_encoding", "Create the database again with ENCODING 'UTF8' and move the data.",
			"%s cannot hold every name", s.Encoding)
	}
	writable := ok("postgres_writable", "transactions may write")
	if s.ReadOnly {
		writable = fail("postgres_writable", "Point DBFLEET_DATABASE_URL at the primary, or set default_transaction_read_only = off.",
			"transactions are read-only, or the server is a standby")
	}
	return []Finding{version, encoding, writable}
}

func judgeListen(err error) Finding {
	if err == nil {
		return ok("postgres_listen", "a notice arrives at its listener")
	}
	return fail("postgres_listen", "Use session mode in PgBouncer, or connect to Postgres directly.",
		"a notice does not arrive (%s): a pooler in transaction mode may be in between", reason(err))
}

func judgeSchema(have, want int64) Finding {
	switch {
	case have < want:
		return fail("migrations", "Run dbfleet migrate.", "the schema has version %d and this release needs %d", have, want)
	case have > want:
		return fail("migrations", "Run the release that made the schema.", "the schema has version %d and this release knows %d", have, want)
	}
	return ok("migrations", "version %d, none is missing", have)
}

// judgeConnections counts one api and one scheduler: nothing tells how many run.
func judgeConnections(s Server, pools Pools, workers int) Finding {
	want := pools.API + pools.Scheduler + max(1, workers)*pools.Worker
	text := fmt.Sprintf("%d for one api, one scheduler and %d workers, of %d that the server gives", want, max(1, workers), s.Connections)
	if want > s.Connections {
		return warn("postgres_connections", "Raise max_connections or the role's limit, or lower DBFLEET_DB_CONNS.", "%s", text)
	}
	return ok("postgres_connections", "%s", text)
}

// Skew is how far a server's clock is from ours.
type Skew struct {
	Ahead  time.Duration // of the server; negative when it is behind
	Within time.Duration // the answer was underway: what is not known
}

// skew asks for the time and takes half of the way there and back off.
func (p Patient) skew(ctx context.Context, clock func(context.Context) (time.Time, error)) (Skew, error) {
	if _, err := ask(ctx, askTime, clock); err != nil { // connects, which is not to be measured
		return Skew{}, err
	}
	before := p.Now()
	there, err := ask(ctx, askTime, clock)
	way := p.Now().Sub(before)
	return Skew{Ahead: there.Sub(before.Add(way / 2)), Within: way / 2}, err
}

const (
	warnSkew = 2 * time.Second
	failSkew = 30 * time.Second
)

// judgeSkew gives the clocks the benefit of what is not known.
func judgeSkew(check string, s Skew) Finding {
	const advice = "Let both machines keep time by NTP; leases and tokens go by the server's clock."
	off := max(s.Ahead.Abs()-s.Within, 0)
	word := "ahead of"
	if s.Ahead < 0 {
		word = "behind"
	}
	text := fmt.Sprintf("%s %s this machine's", s.Ahead.Abs().Round(time.Millisecond), word)
	switch {
	case off > failSkew:
		return fail(check, advice, "%s", text)
	case off > warnSkew:
		return warn(check, advice, "%s", text)
	}
	return ok(check, "%s", text)
}
