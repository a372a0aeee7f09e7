package httpapi_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/dbfleet/dbfleet/internal/httpserver"
	"github.com/dbfleet/dbfleet/internal/user"
)

// call is one operation of the document.
type call struct {
	method, path string
	item         *openapi3.PathItem
	op           *openapi3.Operation
}

var readDocument = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromFile("openapi.yaml") })

// document is what the server publishes.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func calls(t *testing.T) []call {
	t.Helper()
	var all []call
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, call{method, path, item, op})
		}
	}
	return all
}

func (c call) parameters() openapi3.Parameters {
	return slices.Concat(c.item.Parameters, c.op.Parameters)
}

// example is the path and body that the document itself shows.
func (c call) example(t *testing.T) (path, body string) {
	t.Helper()
	path = c.path
	for _, p := range c.parameters() {
		if p.Value.In == openapi3.ParameterInPath {
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", text(t, p.Value.Example))
		}
	}
	if query, ok := c.op.Extensions["x-example-query"].(string); ok {
		path += "?" + query
	}
	if c.op.RequestBody != nil {
		body = text(t, c.op.RequestBody.Value.Content.Get(c.media()).Schema.Value.Example)
	}
	return path, body
}

// media is the type of the operation's body.
func (c call) media() string {
	if c.op.RequestBody == nil {
		return ""
	}
	for media := range c.op.RequestBody.Value.Content {
		return media
	}
	return ""
}

// text is how an example is written in a request.
func text(t *testing.T, example any) string {
	t.Helper()
	if s, ok := example.(string); ok {
		return s
	}
	encoded, err := json.Marshal(example)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func TestDocumentIsValidWithItsExamples(t *testing.T) {
	t.Parallel()
	if err := document(t).Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEveryOperationIsDescribed(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, c := range calls(t) {
		name := c.method + " " + c.path
		if c.op.OperationID == "" || ids[c.op.OperationID] || c.op.Summary == "" || len(c.op.Tags) != 1 {
			t.Errorf("%s: needs an operationId of its own, a summary and one tag", name)
		}
		ids[c.op.OperationID] = true
		if _, err := user.ParseRole("x-permission", text(t, c.op.Extensions["x-permission"])); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.op.Responses.Default() == nil {
			t.Errorf("%s: describes no problem", name)
		}
		for _, p := range c.parameters() {
			if p.Value.Example == nil {
				t.Errorf("%s: parameter %s has no example", name, p.Value.Name)
			}
		}
		checkCodes(t, c)
		checkSchemas(t, c)
	}
}

// checkCodes compares the codes with the server's table.
func checkCodes(t *testing.T, c call) {
	t.Helper()
	codes, _ := c.op.Extensions["x-problems"].([]any)
	for _, code := range codes {
		if !slices.Contains(httpserver.Codes(), code.(string)) {
			t.Errorf("%s %s: the server never answers %s", c.method, c.path, code)
		}
	}
	if strings.Contains(c.path, "_id}") && len(codes) == 0 {
		t.Errorf("%s %s: must list the code of an unknown id", c.method, c.path)
	}
}

// checkListed wants the document to name the code of an answer, for the
// operation that was asked for or for all of them.
func checkListed(t *testing.T, q request, code string) {
	t.Helper()
	c, ok := operationOf(t, q)
	if !ok {
		return
	}
	own, _ := c.op.Extensions["x-problems"].([]any)
	general, _ := document(t).Extensions["x-problems"].([]any)
	if !slices.Contains(slices.Concat(own, general), any(code)) {
		t.Errorf("%s %s: %s answered %s, which its x-problems do not list", q.method, q.path, c.op.OperationID, code)
	}
}

// operationOf finds the operation of a request; of two that fit, such as
// /instances/export and /instances/{instance_id}, the one that says more.
func operationOf(t *testing.T, q request) (found call, ok bool) {
	t.Helper()
	path, _, _ := strings.Cut(q.path, "?")
	for _, c := range calls(t) {
		if c.method == q.method && c.fits(path) && (!ok || strings.Count(c.path, "{") < strings.Count(found.path, "{")) {
			found, ok = c, true
		}
	}
	return found, ok
}

func (c call) fits(path string) bool {
	return slices.EqualFunc(strings.Split(c.path, "/"), strings.Split(path, "/"), func(mine, given string) bool {
		return mine == given || strings.HasPrefix(mine, "{")
	})
}

// checkSchemas wants an example for every body, and no object that is open to
// unknown fields in a request.
func checkSchemas(t *testing.T, c call) {
	t.Helper()
	for status, response := range c.op.Responses.Map() {
		for media, content := range response.Value.Content {
			if content.Schema.Value.Example == nil {
				t.Errorf("%s %s: %s %s has no example", c.method, c.path, status, media)
			}
		}
	}
	if c.op.RequestBody == nil {
		return
	}
	schema := c.op.RequestBody.Value.Content.Get(c.media()).Schema.Value
	if schema.Example == nil {
		t.Errorf("%s %s: the request has no example", c.method, c.path)
	}
	walk(schema, func(name string, s *openapi3.Schema) {
		if s.Type.Is("object") && (s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has) {
			t.Errorf("%s %s: %s takes unknown fields", c.method, c.path, name)
		}
	})
}

// walk calls visit for s and everything below it.
func walk(s *openapi3.Schema, visit func(name string, s *openapi3.Schema)) {
	var down func(name string, s *openapi3.Schema)
	down = func(name string, s *openapi3.Schema) {
		visit(name, s)
		for field, ref := range s.Properties {
			down(field, ref.Value)
		}
		for _, ref := range s.AllOf {
			down(name, ref.Value)
		}
		if s.Items != nil {
			down(name, s.Items.Value)
		}
	}
	down("body", s)
}

func TestNoAnswerHasAFieldNamedLikeASecret(t *testing.T) {
	t.Parallel()
	secretive := regexp.MustCompile(`(?i)passw|secret|sealed|cipher|token|private|passphrase|hash|pwd`)
	for _, c := range calls(t) {
		for status, response := range c.op.Responses.Map() {
			for _, content := range response.Value.Content {
				walk(content.Schema.Value, func(name string, s *openapi3.Schema) {
					if c.op.OperationID == "createToken" && name == "token" {
						return // it is shown this once
					}
					if secretive.MatchString(name) || s.WriteOnly || s.Format == "password" {
						t.Errorf("%s %s: %s shows %s", c.method, c.path, status, name)
					}
				})
			}
		}
	}
}

func TestDocumentIsPublished(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	a := b.do(t, request{method: "GET", path: "/openapi.yaml"})
	if a.status != 200 || !strings.Contains(a.body, "openapi: 3.0.3") {
		t.Errorf("%d %.100s", a.status, a.body)
	}
}

func TestEveryRouteDeclaresItsPermission(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	if closed := b.server.Closed(); len(closed) > 0 {
		t.Errorf("routes without a permission: %v", closed)
	}
	if got, want := len(b.server.Echo().Routes()), len(calls(t))+1; got != want {
		t.Errorf("%d routes, want %d: the document's and its own", got, want)
	}
}

// TestRoleMatrix sends every operation's own example with every role.
func TestRoleMatrix(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	denied := 0
	for _, c := range calls(t) {
		least := user.Role(text(t, c.op.Extensions["x-permission"]))
		path, body := c.example(t)
		if a := b.do(t, request{method: c.method, path: path, body: body}); a.status != 401 || a.problem.Code != "unauthorized" {
			t.Errorf("%s %s without a token: %d", c.method, path, a.status)
		}
		for _, role := range user.Roles() {
			q := request{role: role, method: c.method, path: path, body: body}
			if body != "" {
				q.media = c.media()
			}
			a := b.do(t, q)
			if !role.Includes(least) {
				denied++
			}
			if refused := a.status == 403; refused == role.Includes(least) {
				t.Errorf("%s %s as %s: %d, needs %s", c.method, path, role, a.status, least)
			}
			if a.status == 400 || a.status >= 500 {
				t.Errorf("%s %s as %s: %d %s", c.method, path, role, a.status, a.body)
			}
		}
	}
	if audited := one[int](t, b, `SELECT count(*) FROM audit_events WHERE outcome = 'denied'`); audited != denied {
		t.Errorf("%d of %d denied attempts are audited", audited, denied)
	}
}
