package cli

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// apiCommand is one command that talks to the API, with the answer to it.
type apiCommand struct {
	args   []string
	stdin  string
	route  string // that the command is about
	answer http.HandlerFunc
	others routes // that it asks before
	out    []string
	body   string // that it must send
	query  string // that it must send
	local  *fakeLocal
}

// allCommands is the whole table.
func allCommands() map[string]apiCommand {
	all := apiCommands()
	maps.Copy(all, fleetCommands())
	return all
}

func (c apiCommand) bench(t *testing.T, answer http.HandlerFunc) *bench {
	t.Helper()
	handlers := maps.Clone(c.others)
	if handlers == nil {
		handlers = routes{}
	}
	if c.route != "" {
		handlers[c.route] = answer
	}
	b := &bench{api: serve(t, handlers), stdin: c.stdin}
	if c.local != nil {
		b.local = c.local
	}
	return b
}

func TestCommandAsksAndShows(t *testing.T) {
	t.Parallel()
	for name, c := range allCommands() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := c.bench(t, c.answer)
			got := b.run(t, c.args...)
			got.want(t, 0, c.out...)
			about := b.about(c.route)
			if about.token != "Bearer "+testToken {
				t.Errorf("token sent = %q", about.token)
			}
			if c.body != "" && strings.TrimSpace(about.body) != c.body {
				t.Errorf("body = %s, want %s", about.body, c.body)
			}
			query, err := url.ParseQuery(about.query)
			if c.query != "" && query.Encode() != c.query || err != nil {
				t.Errorf("query = %s (%v), want %s", query.Encode(), err, c.query)
			}
		})
	}
}

// about returns the request of a route's method that was sent last, leaving
// out those that only look names up.
func (b *bench) about(route string) request {
	method, path, _ := strings.Cut(route, " ")
	start, _, _ := strings.Cut(path, "{")
	for _, r := range slices.Backward(b.api.requests()) {
		if strings.HasPrefix(r.route, method+" "+start) {
			return r
		}
	}
	return request{}
}

func TestCommandPrintsTheAnswerAsOneJSONDocument(t *testing.T) {
	t.Parallel()
	for name, c := range allCommands() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.bench(t, c.answer).run(t, append(c.args, "--json")...)
			got.want(t, 0)
			if !json.Valid([]byte(got.out)) || !strings.HasPrefix(got.out, "{") {
				t.Errorf("out is not one JSON document: %s", got.out)
			}
			if got.err != "" {
				t.Errorf("err = %s", got.err)
			}
		})
	}
}

// differences are of every kind; one has a hostile name.
