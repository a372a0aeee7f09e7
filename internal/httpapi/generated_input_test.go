package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/dbfleet/dbfleet/internal/user"
)

// fault is one thing wrong with a request that is right otherwise.
type fault struct {
	name  string
	query url.Values // in place of the example's
	body  string
	field string
}

// TestEveryParameterAndFieldRefusesWhatItCannotBe makes its table from the
// document: whoever adds a parameter or a field adds its lines.
func TestEveryParameterAndFieldRefusesWhatItCannotBe(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	sent := 0
	for _, c := range calls(t) {
		example, _ := c.example(t)
		path, query, _ := strings.Cut(example, "?")
		for _, f := range slices.Concat(c.queryFaults(), c.bodyFaults(t)) {
			sent++
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(values, f.query)
			a := b.do(t, request{role: user.Admin, method: c.method, path: path + "?" + values.Encode(), body: f.body})
			if a.status != 400 && a.status != 422 || !naming(a, f.field) {
				t.Errorf("%s %s, %s: %d %.300s, want a problem that names %s", c.method, c.path, f.name, a.status, a.body, f.field)
			}
		}
	}
	if sent < 200 {
		t.Errorf("only %d faults were made", sent)
	}
}

// naming reports whether the problem names a field, or what is in it.
func naming(a answer, field string) bool {
	for _, e := range a.problem.Errors {
		if e.Field == field || strings.HasPrefix(e.Field, field+".") {
			return true
		}
	}
	return false
}

func (c call) queryFaults() []fault {
	if c.op.RequestBody != nil {
		return nil // a query beside a body: the unknown parameter is in the table by hand
	}
	faults := []fault{{"unknown parameter", url.Values{"no_such": {"1"}}, "", "no_such"}}
	for _, p := range c.parameters() {
		if p.Value.In != openapi3.ParameterInQuery {
			continue
		}
		name := p.Value.Name
		for what, value := range wrongTexts(p.Value.Schema.Value) {
			faults = append(faults, fault{name + ": " + what, url.Values{name: {value}}, "", name})
		}
		faults = append(faults, fault{name + ": twice", url.Values{name: {"1", "1"}}, "", name})
		if name == "cursor" {
			faults = append(faults, fault{"cursor: broken", url.Values{name: {"bm90aGluZw"}}, "", name})
		}
	}
	return faults
}

// wrongTexts are values of a query parameter that its schema forbids, by what
// is wrong with them.
func wrongTexts(s *openapi3.Schema) map[string]string {
	wrong := map[string]string{"empty": "", "NUL": "a\x00b", "no UTF-8": "\xff"}
	switch {
	case s.Type.Is("integer"):
		wrong["no number"], wrong["fraction"], wrong["too big for any number"] = "ten", "1.5", "99999999999999999999"
		if s.Min != nil {
			wrong["below the least"] = fmt.Sprint(int64(*s.Min) - 1)
		}
		if s.Max != nil {
			wrong["above the most"], wrong["far above the most"] = fmt.Sprint(int64(*s.Max)+1), "10000000"
		}
	case s.Type.Is("boolean"):
		wrong["neither true nor false"] = "perhaps"
	case len(s.Enum) > 0:
		wrong["unknown word"] = "no_such_word"
	case s.Format == "date-time":
		wrong["no time"], wrong["a date alone"] = "yesterday", "2026-11-21"
	case s.Format == "uuid":
		wrong["no UUID"] = "42"
	}
	if s.Type.Is("string") && len(s.Enum) == 0 {
		wrong["over-long"] = strings.Repeat("a", 100_000>>4)
	}
	return wrong
}

// bodyFaults changes one field of the operation's own example at a time.
func (c call) bodyFaults(t *testing.T) []fault {
	t.Helper()
	if c.media() != "application/json" {
		return nil
	}
	schema := c.op.RequestBody.Value.Content.Get("application/json").Schema.Value
	_, body := c.example(t)
	var example map[string]any
	decode(t, body, &example)
	faults := []fault{{"unknown field", nil, with(t, example, "no_such", 1), "no_such"}}
	for _, name := range schema.Required {
		faults = append(faults, fault{name + ": missing", nil, without(t, example, name), name})
	}
	for name, ref := range schema.Properties {
		for what, value := range wrongValues(ref.Value) {
			faults = append(faults, fault{name + ": " + what, nil, with(t, example, name, value), name})
		}
	}
	return faults
}

// wrongValues are values of a field that its schema forbids. One without a type
// takes any form: what it may hold is checked by hand.
func wrongValues(s *openapi3.Schema) map[string]any {
	wrong := map[string]any{}
	if s.Type == nil {
		return wrong
	}
	if !s.Nullable {
		wrong["null"] = nil
	}
	switch {
	case s.Type.Is("string"):
		wrong["number"], wrong["object"], wrong["list"] = 7, map[string]any{}, []any{"a"}
		wrong["NUL"], wrong["over-long"] = "a\x00b", strings.Repeat("a", 70_000)
	case s.Type.Is("integer"):
		wrong["text"], wrong["fraction"], wrong["65 bits"] = "7", 1.5, json.Number("99999999999999999999")
		if s.Min != nil {
			wrong["below the least"] = int64(*s.Min) - 1
		}
		if s.Max != nil {
			wrong["above the most"] = int64(*s.Max) + 1
		}
	case s.Type.Is("boolean"):
		wrong["text"], wrong["number"] = "true", 1
	case s.Type.Is("array"):
		wrong["text"], wrong["object"] = "a", map[string]any{}
		if s.Items.Value.Type.Is("string") {
			wrong["list of numbers"], wrong["NUL within"] = []any{7}, []any{"a\x00b"}
		}
		if s.MaxItems != nil {
			wrong["too many"] = slices.Repeat([]any{"a"}, int(*s.MaxItems)+1)
		}
	case s.Type.Is("object"):
		wrong["text"], wrong["list"], wrong["unknown field within"] = "a", []any{}, map[string]any{"no_such": 1}
	}
	return wrong
}

func with(t *testing.T, example map[string]any, name string, value any) string {
	t.Helper()
	changed := maps.Clone(example)
	changed[name] = value
	return encoded(t, changed)
}

func without(t *testing.T, example map[string]any, name string) string {
	t.Helper()
	changed := maps.Clone(example)
	delete(changed, name)
	return encoded(t, changed)
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryTextOfABodyHasABound(t *testing.T) {
	t.Parallel()
	for _, c := range calls(t) {
		if c.media() != "application/json" {
			continue
		}
		for name, ref := range c.op.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties {
			if s := ref.Value; s.Type.Is("string") && s.MaxLength == nil && len(s.Enum) == 0 {
				t.Errorf("%s %s: %s has no maxLength", c.method, c.path, name)
			}
			if s := ref.Value; s.Type.Is("array") && s.MaxItems == nil {
				t.Errorf("%s %s: %s has no maxItems", c.method, c.path, name)
			}
		}
	}
}

func TestBodyThatComesTooSlowlyIsAProblem(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	server := httptest.NewUnstartedServer(b.server)
	server.Config.ReadTimeout = 100 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/v1/users", &stalled{done: t.Context().Done()})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.tokens[user.Admin].Reveal())
	r.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var p struct{ Code string }
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || resp.StatusCode != http.StatusRequestTimeout || p.Code != "request_timeout" {
		t.Errorf("%d %+v, %v", resp.StatusCode, p, err)
	}
}

// stalled is a body that never ends.
type stalled struct {
	begun bool
	done  <-chan struct{}
}

func (s *stalled) Read(p []byte) (int, error) {
	if !s.begun {
		s.begun = true
		return copy(p, `{"name":`), nil
	}
	<-s.done
	return 0, http.ErrBodyReadAfterClose
}
