package census

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fakeFleet is the database and the queue that several takers share.
type fakeFleet struct {
	mu     sync.Mutex // guards what follows
	holder uuid.UUID
	until  time.Time
	census error
	depth  error
}

func (f *fakeFleet) set(census, depth error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.census, f.depth = census, depth
}

func (f *fakeFleet) TakeLease(_ context.Context, _ string, holder uuid.UUID, lease time.Duration) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holder != holder && time.Now().Before(f.until) {
		return false, nil
	}
	f.holder, f.until = holder, time.Now().Add(lease)
	return true, nil
}

func (f *fakeFleet) Census(context.Context) ([]session.Census, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := session.NewCensus(session.Account)
	one.Records[session.RecordPending], one.Due, one.Oldest = 7, 5, time.Minute
	one.Instances, one.NeverSynced, one.Newest, one.Stalest = 9, 2, time.Second, time.Hour
	return []session.Census{one, session.NewCensus(session.Capacity)}, f.census
}

func (f *fakeFleet) Unverified(context.Context) (map[fleet.TLSMode]int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return map[fleet.TLSMode]int{fleet.TLSRequire: 4, fleet.TLSDisable: 0}, f.census
}

func (f *fakeFleet) Depth(context.Context, session.Category) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return 3, f.depth
}

// A taker is one scheduler's census in a synctest bubble.
type taker struct {
	metrics *telemetry.Metrics
	stop    func()
}

// start must be called inside a bubble.
func start(t *testing.T, fleet *fakeFleet) taker {
	t.Helper()
	m := telemetry.New()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- (&Taker{Store: fleet, Queue: fleet, Gauges: m.Fleet, Log: slog.New(slog.DiscardHandler)}).Run(ctx)
	}()
	var once sync.Once
	end := func() {
		once.Do(func() {
			stop()
			if err := <-ended; err != nil {
				t.Errorf("Run = %v", err)
			}
		})
	}
	t.Cleanup(end)
	return taker{m, end}
}

// shows reports whether the taker's process shows the line.
func (k taker) shows(line string) bool {
	rec := httptest.NewRecorder()
	k.metrics.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return strings.Contains(rec.Body.String(), "\n"+line)
}

// pass lets fake time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

const due = `dbfleet_records_due{category="account"} 5`

func TestTheHolderShowsEveryFigure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one := start(t, &fakeFleet{})
		synctest.Wait()
		for _, line := range []string{
			due,
			`dbfleet_records{category="account",status="pending"} 7`,
			`dbfleet_records{category="account",status="failed"} 0`,
			`dbfleet_records_due{category="capacity"} 0`,
			`dbfleet_oldest_due_seconds{category="account"} 60`,
			`dbfleet_queue_depth{category="account"} 3`,
			`dbfleet_workers{category="account"} 0`,
			`dbfleet_instances{category="account"} 9`,
			`dbfleet_instances_never_synced{category="account"} 2`,
			`dbfleet_last_sync_age_seconds{category="account",instance="newest"} 1`,
			`dbfleet_last_sync_age_seconds{category="account",instance="stalest"} 3600`,
			`dbfleet_instances_unverified{tls_mode="require"} 4`,
			`dbfleet_instances_unverified{tls_mode="disable"} 0`,
		} {
			if !one.shows(line) {
				t.Errorf("no line %s", line)
			}
		}
		if one.shows(`dbfleet_last_sync_age_seconds{category="capacity"`) {
			t.Error("shows the age of a sync that never was")
		}
	})
}

func TestOneOfTwoShowsTheFiguresAndTheOtherAfterItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fleet := &fakeFleet{}
		first := start(t, fleet)
		synctest.Wait()
		second := start(t, fleet)
		pass(10 * every)
		if !first.shows(due) || second.shows(due) {
			t.Fatal("the figures are not there exactly once")
		}
		first.stop()
		if first.shows(due) {
			t.Error("who has ended still shows figures")
		}
		pass(lease + every)
		if !second.shows(due) {
			t.Error("nobody shows the figures after the holder's end")
		}
	})
}

func TestFiguresThatCannotBeHadAreNotShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fleet := &fakeFleet{}
		one := start(t, fleet)
		synctest.Wait()
		fleet.set(nil, errors.New("redis is away"))
		pass(every)
		if one.shows("dbfleet_queue_depth{") || !one.shows(due) {
			t.Error("the silence of the queue must cost the queue's figures and no others")
		}
		fleet.set(errors.New("postgres is away"), nil)
		pass(every)
		if one.shows(due) {
			t.Error("shows old figures")
		}
		fleet.set(nil, nil)
		pass(every)
		if !one.shows(due) {
			t.Error("does not come back")
		}
	})
}
