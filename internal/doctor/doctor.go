// Package doctor looks at an installation and says what is wrong with it and
// what to do. Facts come in through small interfaces, the judges are pure
// functions of facts. It changes nothing and repairs nothing.
package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Verdict says how bad a finding is. Sent; do not rename.
type Verdict string

// The verdicts.
const (
	OK   Verdict = "ok"
	Warn Verdict = "warn" // a person may need to look
	Fail Verdict = "fail" // something does not work, or will not
)

// Finding is the result of one check. Scripts match on Check: its words are
// sent and not renamed.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`  // one line
	Advice  string  `json:"advice"` // one line; empty when all is well
}

func ok(check, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: OK, Found: fmt.Sprintf(format, args...)}
}

func warn(check, advice, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: Warn, Found: fmt.Sprintf(format, args...), Advice: advice}
}

func fail(check, advice, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: Fail, Found: fmt.Sprintf(format, args...), Advice: advice}
}

// Failed reports whether one of the findings is a failure.
func Failed(all []Finding) bool {
	for _, f := range all {
		if f.Verdict == Fail {
			return true
		}
	}
	return false
}

// Patient is an installation as one machine with its environment sees it.
type Patient struct {
	Faults []error  // of the configuration, each naming its variable
	Unset  []string // variables that a process needs and this environment has not

	Postgres Postgres // nil: the configuration names none that could be asked
	Records  Records  // of the same database; nil with Postgres
	Redis    Redis    // nil: as with Postgres

	Schema   int64          // the version that this release needs
	Serves   session.Serves // what this release can sync
	Pools    Pools
	Keys     Keys
	Allowed  *netguard.Policy // nil: no allow list is set here
	Resolver netguard.Resolver
	Now      func() time.Time // of this machine
}

// Limits of a question to a server; each check has its own.
const (
	askTime       = 5 * time.Second
	invariantTime = 30 * time.Second
	resolveTime   = 5 * time.Second // of all names together
)

// Examine runs every check that can be run and returns a finding for each, in
// a fixed order. It blocks for at most some two minutes; what does not answer
// in time is a finding, too.
func Examine(ctx context.Context, p Patient) []Finding {
	all := judgeConfiguration(p.Faults, p.Unset)
	addresses, credentials, found := p.database(ctx)
	all = append(all, found...)
	all = append(all, p.redis(ctx)...)
	all = append(all, judgeKeys(p.Keys, credentials)...)
	return append(all, p.allowList(ctx, addresses)...)
}

// ask gives one question its deadline.
func ask[T any](ctx context.Context, limit time.Duration, question func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	answer, err := question(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return answer, err
}

// reason says in a few words why a server could not be asked.
func reason(err error) string {
	switch netguard.Classify(err) {
	case netguard.Refused:
		return "connection refused"
	case netguard.Reset:
		return "the connection was closed"
	case netguard.Timeout:
		return "no answer in time"
	case netguard.NoRoute:
		return "no route to its host"
	case netguard.NameUnknown:
		return "its host name is unknown"
	case netguard.NameTemporary:
		return "the name server does not answer"
	}
	text := err.Error()
	return strings.TrimSpace(text[strings.LastIndex(text, "\n")+1:]) // of several attempts the last
}

// some lists the first few of many names.
func some(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
