package e2e

import (
	"context"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/dbfleet/dbfleet/internal/session"
)

// Waiting longer than this for a session to end means that it hangs.
const sessionLimit = 3 * time.Minute

// scene is a cluster whose instances all stand behind one witness.
type scene struct {
	*cluster
	witness *witness
	n       int
}

func newScene(t *testing.T, n int) *scene {
	t.Helper()
	c := newCluster(t)
	w := newWitness(t, c.target.Addr())
	cred := c.addCredential("targets", targetPassword)
	c.addInstances(n, "pg", "127.0.0.1", w.port(), cred, "")
	// A shut gate must not look like a target that does not answer.
	c.set("target.connect_timeout", 120)
	return &scene{cluster: c, witness: w, n: n}
}

func (c *cluster) set(key string, value int) {
	c.t.Helper()
	if err := c.store.SetSetting(c.t.Context(), key, []byte(fmt.Sprint(value))); err != nil {
		c.t.Fatal(err)
	}
}

// midway starts a session and returns when k records run before a shut gate:
// the login of the first credential is proven by letting some through first.
func (s *scene) midway(k int) session.ID {
	s.t.Helper()
	id := s.startSession()
	s.awaitCounts(id, "first records", time.Minute, func(c session.Counts) bool { return c.Completed >= 5 })
	s.witness.shut()
	s.awaitCounts(id, "running records", time.Minute, func(c session.Counts) bool { return c.Running >= k })
	return id
}

// checkAll asserts that the session succeeded on every instance and that the
// data is exactly the target's.
func (s *scene) checkAll(id session.ID) {
	s.t.Helper()
	end := s.awaitEnd(id, sessionLimit)
	if end.Result != session.Succeeded || end.Counts.Completed != s.n {
		s.t.Errorf("session ended %s, %s with %+v; errors %+v", end.Status, end.Result, end.Counts, end.ErrorGroups)
	}
	roles := targetRoles(s.cluster)
	wrong := scan[int](s.cluster, `
		SELECT count(*) FROM instances i
		WHERE (SELECT count(*) FROM accounts a WHERE a.instance_id = i.id AND a.deleted_at IS NULL) <> $1`, roles)
	if wrong != 0 {
		s.t.Errorf("%d instances do not have the target's %d accounts", wrong, roles)
	}
	s.checkInvariants()
}

// checkInvariants asserts what must hold after whatever happened.
func (c *cluster) checkInvariants() {
	c.t.Helper()
	violations, err := c.store.Violations(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, v := range violations {
		c.t.Errorf("invariant broken: %s", v)
	}
}

// crowdedAtMost asserts how many connections one instance had at once.
func (s *scene) crowdedAtMost(n int) {
	s.t.Helper()
	if got := s.witness.crowded(); got > n {
		s.t.Errorf("an instance had %d connections at once, want at most %d", got, n)
	}
}

// targetRoles is how many accounts one read of the target finds: its roles and
// PUBLIC.
func targetRoles(c *cluster) int {
	return c.targetCount("SELECT count(*) FROM pg_roles") + 1
}

func TestKilledWorkersRecordsAreDueAgainWithin30s(t *testing.T) {
	t.Parallel()
	s := newScene(t, 300)
	s.start("scheduler")
	victim := s.start("worker", "DBFLEET_CONCURRENCY=32")
	id := s.midway(32)
	victim.kill()
	died := scan[time.Time](s.cluster, "SELECT clock_timestamp()")
	s.witness.letGo()
	s.awaitCounts(id, "records taken back", sessionLimit, func(c session.Counts) bool { return c.Running == 0 })
	// By the clock that decides it, when the reaper looked: how long a busy machine
	// took to let us look counts for nothing.
	took := scan[time.Time](s.cluster, "SELECT max(due_at) FROM sync_instance_records WHERE lost > 0").Sub(died)
	if took > 30*time.Second {
		t.Errorf("records of the dead worker were due again after %s, want at most 30s", took)
	}
	t.Logf("due again after %s", took.Round(100*time.Millisecond))
	s.start("worker")
	s.checkAll(id)
	s.crowdedAtMost(1)
	// What the dying worker's last statements did is known only now: every attempt
	// beyond the first was paid for by one loss, and nothing else was lost.
	if odd := scan[int](s.cluster, "SELECT count(*) FROM sync_instance_records WHERE attempt <> 1 + lost OR lost > 1"); odd != 0 {
		t.Errorf("%d records have other attempts than their losses explain", odd)
	}
}

func TestRedisFlushedMidSessionLosesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, 600)
	s.start("scheduler")
	s.start("worker", "DBFLEET_CONCURRENCY=16")
	id := s.midway(16)
	s.redisDo("FLUSHALL")
	s.witness.letGo()
	s.checkAll(id)
	s.crowdedAtMost(1)
	if n := scan[int](s.cluster, "SELECT sum(failures) + sum(lost) FROM sync_instance_records"); n != 0 {
		t.Errorf("%d attempts were burnt by the flush, want 0", n)
	}
}

func TestSchedulerKilledBetweenCommitAndEnqueue(t *testing.T) {
	t.Parallel()
	s := newScene(t, 100)
	s.start("worker")
	s.await("worker", time.Minute, func(context.Context) bool {
		return scan[int](s.cluster, "SELECT count(*) FROM workers") == 1
	})
	victim := s.start("scheduler")
	s.await("scheduler to be ready", time.Minute, func(context.Context) bool { return len(victim.logged("monitor listening")) > 0 })
	s.await("dispatcher to run", time.Minute, func(context.Context) bool {
		return s.redisDo("EXISTS", "dbfleet:marker") == int64(1)
	})
	// With Redis stopped, a round commits its tickets and hangs in enqueueing.
	if err := s.redis.Pause(); err != nil {
		t.Fatal(err)
	}
	defer s.redis.Resume()
	id := s.startSession()
	s.awaitCounts(id, "committed tickets", time.Minute, func(c session.Counts) bool { return c.Queued > 0 })
	victim.kill()
	s.redis.Resume()
	s.start("scheduler")
	s.checkAll(id)
	s.crowdedAtMost(1)
}

func TestTwoSchedulersAndTwoWorkersRunEveryRecordOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, 1000)
	for range 2 {
		s.start("scheduler")
		s.start("worker")
	}
	id := s.startSession()
	s.checkAll(id)
	s.crowdedAtMost(1)
	if n := scan[int](s.cluster, "SELECT max(attempt) FROM sync_instance_records"); n != 1 {
		t.Errorf("a record took %d attempts, want 1", n)
	}
	if n := scan[int](s.cluster, "SELECT count(DISTINCT credential_version) FROM sync_instance_records"); n != 1 {
		t.Errorf("%d versions of the credential in use, want 1", n)
	}
}

func TestDuplicateAndForgedDeliveriesDoNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, 200)
	s.start("scheduler")
	worker := s.start("worker", "DBFLEET_CONCURRENCY=8")
	id := s.midway(8)
	s.forge(id)
	s.witness.letGo()
	s.checkAll(id)
	s.crowdedAtMost(1)
	if n := scan[int](s.cluster, "SELECT max(attempt) FROM sync_instance_records"); n != 1 {
		t.Errorf("a record took %d attempts, want 1", n)
	}
	s.await("garbage to be dropped", time.Minute, func(context.Context) bool { return len(worker.logged("task dropped")) >= 3 })
}

// forge delivers every queued or running record of the session twice more, and
// garbage.
func (s *scene) forge(id session.ID) {
	s.t.Helper()
	opt, err := asynq.ParseRedisURI(s.redis.URL())
	if err != nil {
		s.t.Fatal(err)
	}
	client := asynq.NewClient(opt)
	defer func() { _ = client.Close() }() // nothing depends on it
	rows, err := s.pool.Query(s.t.Context(), "SELECT id, gen FROM sync_instance_records WHERE session_id = $1 AND status IN ('queued', 'running')", id)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var record int64
		var gen int
		if err := rows.Scan(&record, &gen); err != nil {
			s.t.Fatal(err)
		}
		for range 2 {
			s.enqueue(client, "dbfleet:record", fmt.Sprintf(`{"v":1,"r":%d,"g":%d}`, record, gen))
		}
		s.enqueue(client, "dbfleet:record", fmt.Sprintf(`{"v":1,"r":%d,"g":%d}`, record, gen+7))
	}
	for _, garbage := range []string{"", "{", `{"v":9,"r":1,"g":1}`, `{"v":1,"r":-1,"g":1}`, `[]`} {
		s.enqueue(client, "dbfleet:record", garbage)
	}
	s.enqueue(client, "other:type", `{"v":1,"r":1,"g":1}`)
}

func (s *scene) enqueue(client *asynq.Client, kind, payload string) {
	s.t.Helper()
	if _, err := client.Enqueue(asynq.NewTask(kind, []byte(payload)), asynq.Queue("account")); err != nil {
		s.t.Fatal(err)
	}
}

func TestStoppedWorkerComingBackLateStoresNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, 100)
	s.start("scheduler")
	zombie := s.start("worker", "DBFLEET_CONCURRENCY=8")
	id := s.midway(8)
	zombie.signal(syscall.SIGSTOP)
	s.awaitCounts(id, "records taken back", sessionLimit, func(c session.Counts) bool { return c.Running == 0 })
	held := scan[int](s.cluster, "SELECT count(*) FROM sync_instance_records WHERE lost = 1") // one may have ended at that very moment
	if held == 0 {
		t.Fatal("the stopped worker held nothing")
	}
	s.start("worker")
	s.witness.letGo()
	s.awaitEnd(id, sessionLimit)
	before := scan[string](s.cluster, "SELECT md5(string_agg(r::text, ',' ORDER BY id)) FROM sync_instance_records r")
	zombie.signal(syscall.SIGCONT)
	s.await("zombie to come back as a new worker", time.Minute, func(context.Context) bool {
		return len(zombie.logged("worker registered")) == 2
	})
	s.await("zombie to give up what it held", time.Minute, func(context.Context) bool {
		return len(zombie.logged("record no longer held: nothing stored")) == held
	})
	after := scan[string](s.cluster, "SELECT md5(string_agg(r::text, ',' ORDER BY id)) FROM sync_instance_records r")
	if before != after {
		t.Error("the stopped worker changed records when it came back")
	}
	s.checkAll(id)
	s.crowdedAtMost(2)
}

func TestCancelInTheMiddleStopsEverything(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2000)
	s.start("scheduler")
	s.start("worker", "DBFLEET_CONCURRENCY=32")
	id := s.midway(32)
	asked := time.Now()
	if _, err := s.store.CancelSession(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	answered := time.Now()
	s.await("target connections to close", sessionLimit, func(context.Context) bool { return s.witness.connected() == 0 })
	closed := time.Now()
	end := s.awaitEnd(id, sessionLimit)
	if end.Status != session.Cancelled || end.Counts.Done() != 2000 || end.Counts.Cancelled == 0 {
		t.Errorf("session ended %s with %+v", end.Status, end.Counts)
	}
	if n := scan[int](s.cluster, "SELECT count(*) FROM sync_instance_records WHERE started_at > $1", answered); n != 0 {
		t.Errorf("%d records were claimed after the answer", n)
	}
	if n := s.witness.after(answered.Add(5 * time.Second)); n != 0 {
		t.Errorf("%d target connections were opened later than 5 s after the answer", n)
	}
	t.Logf("answered after %s, last connection closed %s later", answered.Sub(asked).Round(time.Millisecond), closed.Sub(answered).Round(time.Millisecond))
	s.checkInvariants()
	s.crowdedAtMost(1)
}

func TestPostgresRestartedInTheMiddleBurnsNoAttempt(t *testing.T) {
	t.Parallel()
	s := newScene(t, 400)
	s.start("scheduler")
	s.start("worker", "DBFLEET_CONCURRENCY=16")
	id := s.midway(16)
	if err := s.postgres.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.witness.letGo() // the reads end while Postgres is away
	if err := s.postgres.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.checkAll(id)
	s.crowdedAtMost(1)
	if n := scan[int](s.cluster, "SELECT sum(failures) + sum(lost) FROM sync_instance_records"); n != 0 {
		t.Errorf("%d attempts were burnt by the restart, want 0", n)
	}
}

func TestDrainGivesBackWhatDoesNotFinish(t *testing.T) {
	t.Parallel()
	s := newScene(t, 50)
	s.start("scheduler")
	first := s.start("worker", "DBFLEET_CONCURRENCY=8", "DBFLEET_DRAIN_TIMEOUT=2s")
	monitor := first.addr("monitor listening")
	id := s.midway(8)
	first.signal(syscall.SIGTERM)
	s.await("drain to begin", time.Minute, func(context.Context) bool { return len(first.logged("draining")) > 0 })
	if status, _ := s.get("http://"+monitor+"/healthz", ""); status != http.StatusOK {
		t.Errorf("while it drains /healthz answers %d, want 200", status)
	}
	if code := first.exit(sessionLimit); code != 0 {
		t.Errorf("worker exited with %d, want 0", code)
	}
	if n := scan[int](s.cluster, "SELECT count(*) FROM workers"); n != 0 {
		t.Errorf("%d workers are registered after the drain, want none", n)
	}
	counts, err := s.store.Session(t.Context(), id)
	if err != nil || counts.Counts.Running != 0 {
		t.Errorf("after the drain %+v, %v; want nothing running", counts.Counts, err)
	}
	s.witness.letGo()
	s.start("worker")
	s.checkAll(id)
	if n := scan[int](s.cluster, "SELECT sum(failures) + sum(lost) FROM sync_instance_records"); n != 0 {
		t.Errorf("%d attempts were burnt by the drain, want 0", n)
	}
}

// redisDo sends one command to Redis.
func (c *cluster) redisDo(args ...any) any {
	c.t.Helper()
	opt, err := redis.ParseURL(c.redis.URL())
	if err != nil {
		c.t.Fatal(err)
	}
	client := redis.NewClient(opt)
	defer func() { _ = client.Close() }() // nothing depends on it
	v, err := client.Do(c.t.Context(), args...).Result()
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}
