package httpapi_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/testdb"
	"github.com/dbfleet/dbfleet/internal/user"
)

func TestPostgresAwayIsSaidWithinASecond(t *testing.T) {
	t.Parallel()
	server, dsn := testdb.Server(t, localsvc.PostgresOptions{})
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	b := newBundleOn(t, pool)
	b.must(t, 200, "GET", "/credentials", "", nil)

	ask := func(when string) {
		t.Helper()
		var group sync.WaitGroup
		few := make(chan struct{}, 8) // requests at a time
		for _, c := range calls(t) {
			path, body := c.example(t)
			few <- struct{}{}
			group.Go(func() {
				defer func() { <-few }()
				b.isAway(t, when, request{role: user.Admin, method: c.method, path: path, body: body, media: c.media()})
			})
		}
		group.Wait()
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	ask("hanging")
	server.Resume()
	if err := server.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask("gone")
	ask("still gone")
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.must(t, 200, "GET", "/credentials", "", nil)
}

// isAway wants the answer to a request while Postgres cannot be asked.
func (b *bundle) isAway(t *testing.T, when string, q request) {
	t.Helper()
	start := time.Now()
	a := b.do(t, q)
	if a.status != 503 || a.problem.Code != "unavailable" || a.header.Get("Retry-After") == "" {
		t.Errorf("%s: %s %s: %d %s", when, q.method, q.path, a.status, a.body)
	}
	if took := time.Since(start); took > 1500*time.Millisecond { // 1 s is promised, and the machine may be busy
		t.Errorf("%s: %s %s: answered after %s", when, q.method, q.path, took)
	}
}

func TestClientSpeaksToTheServer(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c, err := client.NewClientWithResponses(b.url, client.WithRequestEditorFn(client.Bearer(b.tokens[user.Operator].Reveal())))
	if err != nil {
		t.Fatal(err)
	}
	secret := password
	made, err := c.CreateCredentialWithResponse(t.Context(), client.CredentialCreate{Name: "monitor", Username: "u", Password: &secret})
	if err != nil || made.JSON201 == nil {
		t.Fatalf("%v %s", err, made.Body)
	}
	again, err := c.CreateCredentialWithResponse(t.Context(), client.CredentialCreate{Name: "monitor", Username: "u", Password: &secret})
	if err != nil || again.StatusCode() != http.StatusConflict || again.ApplicationproblemJSONDefault == nil {
		t.Fatalf("%v %s", err, again.Body)
	}
	if p := again.ApplicationproblemJSONDefault; p.Code != "name_taken" || p.Error() == "" {
		t.Errorf("%+v", p)
	}
	s, err := c.GetSyncSessionWithResponse(t.Context(), sessionID)
	if err != nil || s.JSON200 == nil || s.JSON200.Progress != 33.33 {
		t.Errorf("%v %s", err, s.Body)
	}
	record, err := c.ListSyncRecordsWithResponse(t.Context(), sessionID, nil)
	if err != nil || record.JSON200 == nil || string(record.JSON200.Items[0].Details) != `{"databases":3}` {
		t.Errorf("%v %s", err, record.Body)
	}
}
