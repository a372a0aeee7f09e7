package httpapi_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/dbfleet/dbfleet/internal/user"
)

// TestEveryTimeOfAQueryIsBounded asks each operation of the document that takes
// a time for those that no answer could hold.
func TestEveryTimeOfAQueryIsBounded(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	asked := 0
	for _, c := range calls(t) {
		for _, p := range c.parameters() {
			if p.Value.In != openapi3.ParameterInQuery || p.Value.Schema.Value.Format != "date-time" {
				continue
			}
			for _, bad := range []string{
				"2026-11-20T00:00:00+24:00", "0000-01-01T00:00:00+01:00", "0000-06-01T00:00:00Z", "9999-12-31T23:59:59Z",
				"9998-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z", "2026-12-31T23:59:60Z",
			} {
				path, _ := c.example(t)
				path, query, _ := strings.Cut(path, "?")
				values, err := url.ParseQuery(query)
				if err != nil {
					t.Fatal(err)
				}
				values.Set(p.Value.Name, bad)
				a := b.do(t, request{role: user.Admin, method: c.method, path: path + "?" + values.Encode()})
				if a.status != 400 || a.problem.Field != p.Value.Name {
					t.Errorf("%s with %s=%s: %d field %q", c.op.OperationID, p.Value.Name, bad, a.status, a.problem.Field)
				}
				asked++
			}
		}
	}
	if asked == 0 {
		t.Error("no operation takes a time")
	}
}

// TestCursorOfATimeHoldsInEveryZone takes the same moments for the same filter.
func TestCursorOfATimeHoldsInEveryZone(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.sessions.set(func(f *fakeSessions) { f.next.ID = 7 })
	var first struct {
		NextCursor string `json:"next_cursor"`
	}
	b.must(t, 200, "GET", "/sync-sessions?from=2026-11-20T00:00:00Z", "", &first)
	b.must(t, 200, "GET", "/sync-sessions?from=2026-11-20T08:00:00%2B08:00&cursor="+first.NextCursor, "", nil)
}
