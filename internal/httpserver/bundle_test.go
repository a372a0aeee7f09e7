package httpserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/logging"
	"github.com/dbfleet/dbfleet/internal/logging/logtest"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

// bundle is a server with a few routes of its own, and one token per role.
type bundle struct {
	*httpserver.Server

	url    string
	log    *logtest.Book
	users  *fakeUsers
	tokens map[user.Role]secret.Text
	ended  func() // is called after each request
}

func newBundle(t *testing.T, proxies ...netip.Prefix) *bundle {
	t.Helper()
	return newBundleWith(t, httpserver.Config{TrustedProxies: proxies})
}

// newBundleWith takes limits and proxies from cfg.
func newBundleWith(t *testing.T, cfg httpserver.Config) *bundle {
	t.Helper()
	b := &bundle{ended: func() {}, log: &logtest.Book{}, users: newUsers(), tokens: map[user.Role]secret.Text{}}
	for i, role := range user.Roles() {
		b.tokens[role] = b.users.add(user.User{ID: user.ID(i + 1), Name: string(role), Role: role})
	}
	cfg.Log, cfg.Users, cfg.Auditor = logging.New(b.log, logging.JSON, slog.LevelDebug), b.users, b.users
	cfg.Unavailable = isNetwork
	b.Server = httpserver.New(cfg)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer b.ended()
		b.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// isNetwork stands for the store's own judgement.
func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network)
}

// route adds a route for a role and those above it.
func (b *bundle) route(method, path string, least user.Role, h echo.HandlerFunc) {
	b.Allow(method, path, least)
	b.Echo().Add(method, path, h)
}

// answer is a response that has been read.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem struct {
		Type, Title, Detail, Code, Field string
		Status                           int
		RequestID                        string `json:"request_id"`
		Errors                           []struct{ Field, Reason string }
	}
}

func (b *bundle) do(t *testing.T, method, path string, body io.Reader, edit func(*http.Request)) answer {
	t.Helper()
	return do(t, method, b.url+path, body, edit)
}

func do(t *testing.T, method, url string, body io.Reader, edit func(*http.Request)) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(r)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(text)}
	if len(text) > 0 && resp.Header.Get("Content-Type") == "application/problem+json" {
		if err := json.Unmarshal(text, &a.problem); err != nil {
			t.Fatalf("problem %q: %v", text, err)
		}
	}
	return a
}

func (b *bundle) as(role user.Role) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+b.tokens[role].Reveal()) }
}

// fakeUsers knows tokens and remembers what was audited.
type fakeUsers struct {
	mu     sync.Mutex // guards all below
	known  map[user.Hash]user.User
	events []user.Event
	actors []user.Actor
	err    error // answers every call when it is set
	hangs  bool  // until there is no time left
	calls  int
	called chan struct{} // hears of calls while it has room; nil: nobody does
}

func newUsers() *fakeUsers { return &fakeUsers{known: map[user.Hash]user.User{}} }

func (f *fakeUsers) add(u user.User) secret.Text {
	f.mu.Lock()
	defer f.mu.Unlock()
	plain, hash := user.NewToken(user.TokenID(u.ID))
	f.known[hash] = u
	return plain
}

func (f *fakeUsers) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// change edits what is known.
func (f *fakeUsers) change(edit func(*fakeUsers)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit(f)
}

// awaitCalls returns once somebody has been asked for so often from now on.
func (f *fakeUsers) awaitCalls(n int) {
	called := make(chan struct{}, n)
	f.change(func(f *fakeUsers) { f.called = called })
	for range n {
		<-called
	}
	f.change(func(f *fakeUsers) { f.called = nil })
}

func (f *fakeUsers) Authenticate(ctx context.Context, hash user.Hash) (user.User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	select {
	case f.called <- struct{}{}:
	default:
	}
	if f.hangs {
		<-ctx.Done()
		return user.User{}, ctx.Err()
	}
	if f.err != nil {
		return user.User{}, f.err
	}
	u, ok := f.known[hash]
	if !ok {
		return user.User{}, user.ErrBadToken
	}
	return u, nil
}

func (f *fakeUsers) Audit(ctx context.Context, e user.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e)
	f.actors = append(f.actors, user.ActorFrom(ctx))
	return f.err
}
