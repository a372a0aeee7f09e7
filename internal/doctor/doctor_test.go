package doctor

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
)

func TestJudges(t *testing.T) {
	t.Parallel()
	server := Server{Version: "15.6", VersionNum: 150006, Encoding: "UTF8", Connections: 97}
	old, standby, latin := server, server, server
	old.VersionNum, standby.ReadOnly, latin.Encoding = 110022, true, "LATIN1"
	serves := session.Serves{session.Account: {fleet.PostgreSQL}}
	idle, busy, waiting := session.NewCensus(session.Account), session.NewCensus(session.Account), session.NewCensus(session.Account)
	ended := session.NewCensus(session.Account)
	busy.Records[session.RecordPending], busy.Workers = 3, 1
	waiting.Records[session.RecordPending], waiting.Due, waiting.Oldest = 3, 3, time.Hour
	ended.Records[session.RecordCompleted] = 9
	worker := []session.Worker{{Hostname: "h", PID: 1}}
	ring := []secret.KeyID{"a", "b"}
	for name, tt := range map[string]struct {
		got  Finding
		want Verdict
		says string
	}{
		"version":               {judgeServer(server)[0], OK, "15.6"},
		"old version":           {judgeServer(old)[0], Fail, "older than 12"},
		"encoding":              {judgeServer(latin)[1], Fail, "LATIN1"},
		"standby":               {judgeServer(standby)[2], Fail, "read-only"},
		"pooler":                {judgeListen(context.DeadlineExceeded), Fail, "transaction mode"},
		"clock within":          {judgeSkew("c", Skew{Ahead: -1900 * time.Millisecond}), OK, "behind"},
		"clock off":             {judgeSkew("c", Skew{Ahead: 3 * time.Second}), Warn, "3s ahead of"},
		"clock unknown":         {judgeSkew("c", Skew{Ahead: 3 * time.Second, Within: 2 * time.Second}), OK, "ahead"},
		"clock far off":         {judgeSkew("c", Skew{Ahead: -31 * time.Second}), Fail, "31s behind"},
		"connections":           {judgeConnections(server, Pools{16, 4, 4}, 19), OK, "96 for one api, one scheduler and 19 workers, of 97"},
		"too many connections":  {judgeConnections(server, Pools{16, 4, 4}, 20), Warn, "100 for"},
		"redis":                 {judgeRedisVersion("6.2.0"), OK, "6.2.0"},
		"new redis":             {judgeRedisVersion("10.0.1"), OK, "10.0.1"},
		"old redis":             {judgeRedisVersion("6.0.16"), Fail, "older"},
		"secret redis":          {judgeRedisVersion(""), Warn, "does not tell"},
		"other redis":           {judgeRedisVersion("unstable"), Warn, "can be compared"},
		"eviction":              {judgePolicy("volatile-ttl"), Fail, "volatile-ttl"},
		"managed redis":         {judgePolicy(""), Warn, "does not tell"},
		"invariants in time":    {judgeInvariants(nil, errors.New("no answer within 30s")), Warn, "within 30s"},
		"no worker":             {judgeWorkers(nil, []session.Census{idle, ended}), Warn, "none is alive"},
		"no worker, work":       {judgeWorkers(nil, []session.Census{busy}), Fail, "3 records"},
		"worker":                {judgeWorkers(worker, nil), OK, "h/1"},
		"queue without":         {judgeQueues([]session.Census{idle}, serves), Warn, "account"},
		"queue without, due":    {judgeQueues([]session.Census{waiting}, serves), Fail, "account"},
		"queue of nobody":       {judgeQueues([]session.Census{idle}, nil), OK, "live worker"},
		"long wait":             {judgeOldest([]session.Census{waiting}), Warn, "1h0m0s"},
		"no scheduler":          {judgeScheduler(Upkeep{}, 0), Warn, "none"},
		"no scheduler, work":    {judgeScheduler(Upkeep{}, 1), Fail, "1 records"},
		"no scheduler, to fire": {judgeScheduler(Upkeep{Schedules: 2}, 0), Fail, "2 schedules"},
		"pair apart":            {judgePair(Keys{Public: "a"}), OK, "not compared"},
		"pair":                  {judgePair(Keys{Public: "a", Private: ring}), OK, "belongs"},
		"other pair":            {judgePair(Keys{Public: "c", Private: ring}), Fail, "does not belong"},
		"key file":              {judgeMode(0o400), OK, "0400"},
		"key file of a group":   {judgeMode(fs.FileMode(0o440)), Warn, "0440"},
		"sealed":                {judgeSealed(ring, map[string]int{"a": 1, "b": 2}), OK, "all 3"},
		"sealed for others":     {judgeSealed(ring, map[string]int{"a": 1, "x": 2}), Fail, "2 of 3"},
		"names":                 {judgeOverdue([]string{"1", "2", "3", "4", "5"}), Fail, "1, 2, 3 and 2 more"},
	} {
		if tt.got.Verdict != tt.want || !strings.Contains(tt.got.Found, tt.says) {
			t.Errorf("%s: %+v, want %s with %q", name, tt.got, tt.want, tt.says)
		}
	}
}

// brothers knows all names but two: one hangs until the question is taken back,
// and nobody is not there. It counts the questions.
type brothers struct{ asked *atomic.Int32 }

func (b brothers) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	b.asked.Add(1)
	switch host {
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case "nobody":
		return nil, errors.New("no such host")
	}
	return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
}

func TestAddressesAreJudgedByWhatTheyResolveTo(t *testing.T) {
	t.Parallel()
	policy, err := netguard.ParsePolicy("10.0.0.0/8:5432")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b := brothers{new(atomic.Int32)}
	p := Patient{Allowed: &policy, Resolver: b}
	got := p.reach(ctx, []Address{{"db1", 5432, "one", 2}, {"db1", 3306, "two", 3}, {"192.168.0.1", 5432, "three", 4}})
	if got.allowed != 2 || got.refused != 7 || strings.Join(got.names, " ") != "three two" {
		t.Errorf("reach = %+v", got)
	}
	if n := b.asked.Load(); n != 1 {
		t.Errorf("db1 was looked up %d times", n)
	}
	if got := judgeReach(p.reach(ctx, []Address{{"nobody", 5432, "one", 2}})); got.Verdict != Warn || !strings.HasSuffix(got.Found, "2 active instances cannot be looked up here") {
		t.Errorf("found %+v", got)
	}
	cancel()
	if got := judgeReach(p.reach(ctx, []Address{{"slow", 5432, "one", 2}})); got.Verdict != Warn || !strings.Contains(got.Found, "; 2 not looked up within 5s") {
		t.Errorf("found %+v", got)
	}
}

// The server is five seconds ahead, and the way to it takes two seconds each.
func TestSkewTakesTheWayOff(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	now := start
	p := Patient{Now: func() time.Time { return now }}
	got, err := p.skew(t.Context(), func(context.Context) (time.Time, error) {
		now = now.Add(2 * time.Second)
		there := now.Add(5 * time.Second)
		now = now.Add(2 * time.Second)
		return there, nil
	})
	if err != nil || got.Ahead != 5*time.Second || got.Within != 2*time.Second {
		t.Errorf("skew = %+v, %v", got, err)
	}
}

func TestReasonIsOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"one\n\ttwo: refused": "two: refused", "plain": "plain"} {
		if got := reason(errors.New(in)); got != want {
			t.Errorf("reason(%q) = %q", in, got)
		}
	}
	if got := reason(context.DeadlineExceeded); got != "no answer in time" {
		t.Errorf("reason = %q", got)
	}
}

func TestNothingToAskIsAFindingToo(t *testing.T) {
	t.Parallel()
	all := Examine(t.Context(), Patient{Faults: []error{errors.New("x: bad"), errors.New("y: bad")}, Now: time.Now})
	text := ""
	for _, f := range all {
		text += string(f.Verdict) + " " + f.Check + ","
	}
	if text != "fail configuration,fail configuration,warn postgres,warn redis,ok key_pair,ok allow_list," || !Failed(all) {
		t.Errorf("found %s", text)
	}
}
