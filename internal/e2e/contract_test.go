package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// contract is a system and the document that its API publishes.
type contract struct {
	*cluster

	worker *process
	url    string // with the API's base
	token  string
	doc    *openapi3.T
	ops    map[string]operation
	kept   map[string]string
}

// operation is one entry of the document.
type operation struct {
	method, path string
	item         *openapi3.PathItem
	op           *openapi3.Operation
}

func newContract(t *testing.T) *contract {
	t.Helper()
	c := &contract{cluster: newCluster(t), ops: map[string]operation{}}
	c.token = c.cluster.token("admin")
	_, err := c.pool.Exec(t.Context(), `INSERT INTO settings (key, value, updated_by) VALUES ('api.request_rate', '10000', 0), ('api.request_burst', '10000', 0)`)
	if err != nil {
		t.Fatal(err)
	}
	api := c.start("api")
	c.start("scheduler")
	c.worker = c.start("worker")
	c.url = "http://" + api.addr("api listening") + "/api/v1"
	c.await("API", time.Minute, func(context.Context) bool {
		status, _ := c.get(c.url+"/me", c.token)
		return status == http.StatusOK
	})
	_, text := c.get(c.url+"/openapi.yaml", "")
	if c.doc, err = openapi3.NewLoader().LoadFromData([]byte(text)); err != nil {
		t.Fatal(err)
	}
	for path, item := range c.doc.Paths.Map() {
		for method, op := range item.Operations() {
			c.ops[op.OperationID] = operation{method, path, item, op}
		}
	}
	c.keepBasics()
	return c
}

// filled replaces every $name by what was kept.
func (c *contract) filled(text string) string {
	names := make([]string, 0, len(c.kept))
	for name := range c.kept {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) }) // $session before $s
	for _, name := range names {
		text = strings.ReplaceAll(text, "$"+name, c.kept[name])
	}
	return text
}

// sent is one request to an operation.
type sent struct {
	path        map[string]string
	query, body string
	media       string
	token       string
	stream      bool
}

// got is the answer to it, which fits the document.
type got struct {
	status int
	header http.Header
	body   []byte
}

// ask calls an operation and compares the answer with the document.
func (c *contract) ask(o operation, s sent) got {
	c.t.Helper()
	path, params := o.path, map[string]string{}
	for name, value := range s.path {
		params[name] = c.filled(value)
		path = strings.ReplaceAll(path, "{"+name+"}", params[name])
	}
	target := c.url + path
	if s.query != "" {
		target += "?" + c.filled(s.query)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), o.method, target, strings.NewReader(c.filled(s.body)))
	if err != nil {
		c.t.Fatal(err)
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	if s.body != "" {
		r.Header.Set("Content-Type", s.media)
	}
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		c.t.Fatalf("%s: %v", o.op.OperationID, err)
	}
	defer func() { _ = resp.Body.Close() }() // only read
	a := got{status: resp.StatusCode, header: resp.Header}
	if !s.stream || resp.StatusCode != http.StatusOK {
		if a.body, err = io.ReadAll(resp.Body); err != nil {
			c.t.Fatalf("%s: %v", o.op.OperationID, err)
		}
	}
	c.compare(o, r, params, a, s.stream)
	return a
}

// compare reports what of an answer the document does not describe.
func (c *contract) compare(o operation, r *http.Request, params map[string]string, a got, stream bool) {
	c.t.Helper()
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params,
			Route: &routers.Route{Spec: c.doc, Path: o.path, PathItem: o.item, Method: o.method, Operation: o.op},
		},
		Status: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, ExcludeResponseBody: stream && a.status == http.StatusOK},
	}
	if err := openapi3filter.ValidateResponse(c.t.Context(), input); err != nil {
		c.t.Errorf("%s answered %d, which is not what the document says: %v\n%.2000s", o.op.OperationID, a.status, err, a.body)
	}
	if a.status >= http.StatusBadRequest && a.header.Get("Content-Type") != "application/problem+json" {
		c.t.Errorf("%s answered %d as %s", o.op.OperationID, a.status, a.header.Get("Content-Type"))
	}
	if a.status >= http.StatusBadRequest {
		c.listed(o, pick(c.t, a.body, "code"))
	}
}

// listed reports a code that the document has neither for the operation nor for
// all of them.
func (c *contract) listed(o operation, code string) {
	c.t.Helper()
	own, _ := o.op.Extensions["x-problems"].([]any)
	general, _ := c.doc.Extensions["x-problems"].([]any)
	if !slices.Contains(slices.Concat(own, general), any(code)) {
		c.t.Errorf("%s answered %s, which its x-problems do not list", o.op.OperationID, code)
	}
}

// TestEveryOperationAnswersAsTheDocumentSays calls every operation of the real
// API process. One that nobody calls fails the test: contractCalls wants a line.
func TestEveryOperationAnswersAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	c := newContract(t)
	called := map[string]bool{}
	for _, call := range contractCalls() {
		o, ok := c.ops[call.op]
		if !ok {
			t.Errorf("contractCalls: the document has no operation %s", call.op)
			continue
		}
		if called[call.op] = c.succeeds(o, call); !called[call.op] {
			t.Fatalf("%s did not succeed: what comes after needs it", call.op)
		}
		c.refusals(o, call)
	}
	for id, o := range c.ops {
		if !called[id] {
			t.Errorf("nobody calls %s (%s %s): add a line to contractCalls in contract_calls_test.go", id, o.method, o.path)
		}
	}
}

// succeeds makes the call and looks for the audit event of a change.
func (c *contract) succeeds(o operation, call contractCall) bool {
	c.t.Helper()
	if call.before != nil {
		call.before(c.t, c)
	}
	a := c.ask(o, sent{path: call.path, query: call.query, body: call.body, media: call.mediaType(), token: c.token, stream: call.stream})
	if want := max(call.want, http.StatusOK); a.status != want {
		c.t.Errorf("%s: %d, want %d: %.2000s", call.op, a.status, want, a.body)
		return false
	}
	for name, place := range call.keep {
		c.kept[name] = pick(c.t, a.body, place)
	}
	if o.method == http.MethodGet {
		return true
	}
	id := a.header.Get("X-Request-Id")
	actions := scan[[]string](c.cluster, "SELECT array_agg(DISTINCT action) FROM audit_events WHERE request_id = $1 AND outcome = 'done' AND user_name = 'admin'", id)
	if call.audit == "" || !slices.Contains(actions, call.audit) {
		c.t.Errorf("%s has left %v in the audit trail, want %q", call.op, actions, call.audit)
	}
	return true
}

func (call contractCall) mediaType() string {
	if call.media == "" {
		return "application/json"
	}
	return call.media
}

// refusals calls the operation as it must not be called: each answer is a
// problem that the document describes.
func (c *contract) refusals(o operation, call contractCall) {
	c.t.Helper()
	good := sent{path: call.path, query: call.query, body: call.body, media: call.mediaType(), token: c.token}
	none := good
	none.token = ""
	c.refused(o, "without a token", none, http.StatusUnauthorized)
	odd := good
	odd.query = "no_such_parameter=1"
	c.refused(o, "with an unknown parameter", odd, http.StatusBadRequest)
	if call.body != "" {
		broken := good
		broken.body = `{"broken":`
		if call.media == "" {
			c.refused(o, "with a broken body", broken, http.StatusBadRequest)
		}
		broken.media = "image/png"
		c.refused(o, "with another media type", broken, http.StatusUnsupportedMediaType)
	}
	if len(call.path) > 0 {
		c.refused(o, "with an unknown id", c.elsewhere(o, good), http.StatusNotFound)
	}
}

func (c *contract) refused(o operation, how string, s sent, want int) {
	c.t.Helper()
	if a := c.ask(o, s); a.status != want {
		c.t.Errorf("%s %s: %d, want %d: %.500s", o.op.OperationID, how, a.status, want, a.body)
	}
}

// elsewhere points every parameter of the path to where nothing is.
func (c *contract) elsewhere(o operation, s sent) sent {
	path := map[string]string{}
	for name := range s.path {
		path[name] = "999999999"
		for _, p := range slices.Concat(o.item.Parameters, o.op.Parameters) {
			if p.Value.Name == name && p.Value.Schema.Value.Format == "uuid" {
				path[name] = "00000000-0000-4000-8000-000000000000"
			}
		}
	}
	s.path = path
	return s
}

// pick returns the value at a place such as items.0.id.
func pick(t *testing.T, body []byte, place string) string {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%s in %.500s: %v", place, body, err)
	}
	for step := range strings.SplitSeq(place, ".") {
		switch at := value.(type) {
		case map[string]any:
			value = at[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(at) {
				t.Fatalf("no %s in %.500s", place, body)
			}
			value = at[i]
		}
	}
	if value == nil {
		t.Fatalf("no %s in %.500s", place, body)
	}
	return fmt.Sprint(value)
}
