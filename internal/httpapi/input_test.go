package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/user"
)

const aSession = "/sync-sessions/6f2c1f0e-0a7c-4c53-9b0d-0d6f8e2f4a11"

// TestBadInput is the table of what a caller may get wrong. Every answer names
// the field.
func TestBadInput(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	const instance = `"name":"a","engine":"postgresql","host":"h","credential_id":1`
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		field              string
	}{
		"malformed JSON":              {"POST", "/sync-sessions", `{"category":`, 400, "body"},
		"two values":                  {"POST", "/sync-sessions", `{"category":"account","selector":{"all":true}} {}`, 400, "body"},
		"no object":                   {"POST", "/sync-sessions", `[]`, 400, "body"},
		"null":                        {"POST", "/sync-sessions", `null`, 400, "body"},
		"no UTF-8":                    {"POST", "/credentials", "{\"name\":\"a\xff\",\"username\":\"u\",\"password\":\"p\"}", 400, "body"},
		"unknown field":               {"POST", "/sync-sessions", `{"category":"account","selector":{"all":true},"priority":1}`, 400, "priority"},
		"unknown field, nested":       {"POST", "/sync-sessions", `{"category":"account","selector":{"everything":true}}`, 400, "selector.everything"},
		"field in other case":         {"POST", "/sync-sessions", `{"Category":"account","category":"account","selector":{"all":true}}`, 400, "Category"},
		"mass assignment":             {"POST", "/instances", `{` + instance + `,"id":7}`, 400, "id"},
		"missing field":               {"POST", "/sync-sessions", `{"category":"account"}`, 400, "selector"},
		"wrong type":                  {"POST", "/sync-sessions", `{"category":7,"selector":{"all":true}}`, 400, "category"},
		"wrong type, nested":          {"POST", "/sync-sessions", `{"category":"account","selector":{"ids":["x"]}}`, 400, "selector.ids.0"},
		"number too big":              {"POST", "/sync-sessions", `{"category":"account","selector":{"ids":[99999999999999999999]}}`, 400, "selector.ids.0"},
		"number that no float holds":  {"POST", "/sync-sessions", `{"category":"account","selector":{"ids":[1,1e400]}}`, 400, "selector.ids.1"},
		"three unknown parameters":    {"GET", "/instances?c=1&a=1&b=1", "", 400, "a"},
		"NUL in two texts":            {"POST", "/instances", `{"name":"a\u0000b","engine":"mysql","host":"a\u0000b","credential_id":1}`, 422, "host"},
		"number of 65 bits":           {"POST", "/sync-sessions", `{"category":"account","selector":{"ids":[1,9223372036854775808]}}`, 400, "selector.ids"},
		"id of 65 bits":               {"POST", "/instances", `{"name":"a","engine":"postgresql","host":"h","credential_id":9223372036854775808}`, 400, "credential_id"},
		"whole number as a fraction":  {"POST", "/sync-sessions", `{"category":"account","selector":{"all":true},"max_attempts":1.0}`, 400, "max_attempts"},
		"fraction":                    {"POST", "/instances", `{` + instance + `,"port":1.5}`, 400, "port"},
		"null field":                  {"PATCH", "/instances/1", `{"name":null}`, 400, "name"},
		"unknown category":            {"POST", "/sync-sessions", `{"category":"everything","selector":{"all":true}}`, 422, "category"},
		"all and a list":              {"POST", "/sync-sessions", `{"category":"account","selector":{"all":true,"ids":[1]}}`, 422, "selector"},
		"no selection":                {"POST", "/sync-sessions", `{"category":"account","selector":{}}`, 422, "selector"},
		"unknown engine":              {"POST", "/sync-sessions", `{"category":"account","selector":{"engines":["sqlite"]}}`, 422, "selector.engines.0"},
		"attempts out of bounds":      {"POST", "/sync-sessions", `{"category":"account","selector":{"all":true},"max_attempts":11}`, 422, "max_attempts"},
		"too many ids":                {"POST", "/sync-sessions", `{"category":"account","selector":{"ids":[1` + strings.Repeat(",1", 10_000) + `]}}`, 422, "selector.ids"},
		"unknown scope":               {"POST", aSession + "/retry", `{"scope":"all"}`, 422, "scope"},
		"over-long zone":              {"PUT", "/settings/time_zone", `{"value":"` + strings.Repeat("A", 1000) + `"}`, 422, "value"},
		"over-long text":              {"POST", "/instances", `{"name":"` + strings.Repeat("ü", 201) + `","engine":"mysql","host":"h","credential_id":1}`, 422, "name"},
		"NUL in a text":               {"POST", "/instances", `{"name":"a\u0000b","engine":"mysql","host":"10.0.0.1","credential_id":1}`, 422, "name"},
		"NUL in a host":               {"PATCH", "/instances/1", `{"host":"a\u0000b"}`, 422, "host"},
		"empty text":                  {"POST", "/credentials", `{"name":"","username":"u","password":"p"}`, 422, "name"},
		"bad host":                    {"POST", "/instances", `{"name":"a","engine":"mysql","host":"http://x/","credential_id":1}`, 422, "host"},
		"port out of bounds":          {"POST", "/instances", `{` + instance + `,"port":65536}`, 422, "port"},
		"blank in a tag":              {"POST", "/instances", `{"name":"a","engine":"mysql","host":"10.0.0.1","credential_id":1,"tags":["a b"]}`, 422, "tags"},
		"unknown TLS mode":            {"POST", "/instances", `{` + instance + `,"tls_mode":"prefer"}`, 422, "tls_mode"},
		"nothing to change":           {"PATCH", "/instances/1", `{}`, 422, "body"},
		"setting of wrong type":       {"PUT", "/settings/dispatch.host_limit", `{"value":"8"}`, 422, "value"},
		"setting out of bounds":       {"PUT", "/settings/dispatch.host_limit", `{"value":0}`, 422, "value"},
		"empty password":              {"POST", "/credentials", `{"name":"a","username":"u","password":""}`, 422, "password"},
		"over-long password":          {"POST", "/credentials", `{"name":"a","username":"u","password":"` + strings.Repeat("p", 1001) + `"}`, 422, "password"},
		"NUL in a password":           {"POST", "/credentials", `{"name":"a","username":"u","password":"a\u0000b"}`, 422, "password"},
		"no body":                     {"POST", "/sync-sessions", " ", 400, "body"},
		"body where none is":          {"POST", aSession + "/cancel", `{}`, 400, "body"},
		"limit 0":                     {"GET", "/instances?limit=0", "", 400, "limit"},
		"limit 10,000":                {"GET", "/instances?limit=10000", "", 400, "limit"},
		"limit 501":                   {"GET", "/sync-sessions?limit=501", "", 400, "limit"},
		"limit of no number":          {"GET", "/instances?limit=ten", "", 400, "limit"},
		"limit empty":                 {"GET", "/instances?limit=", "", 400, "limit"},
		"limit twice":                 {"GET", "/instances?limit=1&limit=2", "", 400, "limit"},
		"broken cursor":               {"GET", "/instances?cursor=%25", "", 400, "cursor"},
		"cursor of another list":      {"GET", "/instances?cursor=c2Vzc2lvbnMuNDI", "", 400, "cursor"},
		"cursor without a place":      {"GET", "/instances?cursor=aW5zdGFuY2VzLg", "", 400, "cursor"},
		"cursor with a changed bit":   {"GET", "/instances?cursor=aW5zdGFuY2VzLjF", "", 400, "cursor"},
		"cursor without a number":     {"GET", "/holds?cursor=aG9sZHMueA", "", 400, "cursor"},
		"cursor of no filter":         {"GET", "/sync-sessions?cursor=c2Vzc2lvbnMueA", "", 400, "cursor"},
		"unknown sort":                {"GET", "/sync-sessions?sort=name", "", 400, "sort"},
		"unknown order":               {"GET", "/sync-sessions?order=up", "", 400, "order"},
		"unknown result":              {"GET", "/sync-sessions?result=good", "", 400, "result"},
		"creator of no kind":          {"GET", "/sync-sessions?created_by=alice", "", 400, "created_by"},
		"creator below nobody":        {"GET", "/sync-sessions/statistics?created_by=-1", "", 400, "created_by"},
		"time without a zone":         {"GET", "/sync-sessions?from=2026-11-21T01:00:00", "", 400, "from"},
		"day that no month has":       {"GET", "/sync-sessions?from=2026-02-30T00:00:00Z", "", 400, "from"},
		"time with a zone of a day":   {"GET", "/sync-sessions?from=2026-11-20T00:00:00%2B24:00", "", 400, "from"},
		"time before year 1":          {"GET", "/sync-sessions?from=0000-01-01T00:00:00%2B01:00", "", 400, "from"},
		"end in year 10000":           {"GET", "/sync-sessions/statistics?to=9999-12-31T23:59:59-01:00", "", 400, "to"},
		"the last two days":           {"GET", "/sync-sessions/statistics?from=9999-12-30T00:00:00Z&to=9999-12-31T12:00:00Z", "", 400, "from"},
		"audit before year 1":         {"GET", "/audit-events?from=0000-01-01T00:00:00%2B01:00", "", 400, "from"},
		"accounts of a 25th hour":     {"GET", "/accounts/1?at=2026-01-01T00:00:00%2B24:00", "", 400, "at"},
		"token for ever and a day":    {"POST", "/users/1/tokens", `{"expires_at":"9999-12-31T23:59:59-01:00"}`, 422, "expires_at"},
		"token to a day of no month":  {"POST", "/users/1/tokens", `{"expires_at":"2027-02-30T00:00:00Z"}`, 400, "expires_at"},
		"token to a leap second":      {"POST", "/users/1/tokens", `{"expires_at":"2027-12-31T23:59:60Z"}`, 400, "expires_at"},
		"token to a zone of nowhere":  {"POST", "/users/1/tokens", `{"expires_at":"2027-12-31T23:59:00+99:99"}`, 400, "expires_at"},
		"span that ends first":        {"GET", "/sync-sessions?from=2026-02-02T00:00:00Z&to=2026-02-01T00:00:00Z", "", 400, "to"},
		"empty span":                  {"GET", "/sync-sessions/statistics?from=2026-02-02T00:00:00Z&to=2026-02-02T00:00:00Z", "", 400, "to"},
		"span of a lifetime":          {"GET", "/sync-sessions/statistics?from=1926-02-02T00:00:00Z", "", 400, "from"},
		"sort of statistics":          {"GET", "/sync-sessions/statistics?sort=total", "", 400, "sort"},
		"one state unknown":           {"GET", aSession + "/records?status=failed,done", "", 400, "status"},
		"state given twice":           {"GET", aSession + "/records?status=failed&status=cancelled", "", 400, "status"},
		"fingerprint of another form": {"GET", aSession + "/records?fingerprint=timeouts", "", 400, "fingerprint"},
		"records by an unknown key":   {"GET", aSession + "/records?sort=host", "", 400, "sort"},
		"event id in the query":       {"GET", aSession + "/events?id=1", "", 400, "id"},
		"scope and states":            {"POST", aSession + "/retry", `{"scope":"failed","status":["failed"]}`, 422, "status"},
		"state that succeeded":        {"POST", aSession + "/retry", `{"status":["completed"]}`, 422, "status.0"},
		"fingerprint that is none":    {"POST", aSession + "/retry", `{"fingerprint":"F00"}`, 422, "fingerprint"},
		"cursor of accounts, forged":  {"GET", "/accounts?cursor=YWNjb3VudHMue30", "", 400, "cursor"},
		"unknown parameter":           {"GET", "/instances?sort=name", "", 400, "sort"},
		"unknown value in a filter":   {"GET", "/sync-sessions?status=done", "", 400, "status"},
		"NUL in a filter":             {"GET", "/instances?name=a%00b", "", 400, "name"},
		"no UTF-8 in a filter":        {"GET", "/instances?name=%ff", "", 400, "name"},
		"over-long filter":            {"GET", "/instances?name=" + strings.Repeat("a", 201), "", 400, "name"},
		"query that is none":          {"GET", "/instances?name=%zz", "", 400, "query"},
		"id of no number":             {"GET", "/instances/abc", "", 400, "instance_id"},
		"id 0":                        {"GET", "/instances/0", "", 400, "instance_id"},
		"id too big":                  {"GET", "/instances/99999999999999999999", "", 400, "instance_id"},
		"id of no UUID":               {"GET", "/sync-sessions/42", "", 400, "session_id"},
		"unknown instance":            {"GET", "/instances/999", "", 404, ""},
		"unknown credential":          {"DELETE", "/credentials/999", "", 404, ""},
		"bulk without a selection":    {"POST", "/instances/bulk", `{"action":"activate","selector":{}}`, 422, "selector"},
		"bulk of all and a list":      {"POST", "/instances/bulk", `{"action":"activate","selector":{"all":true,"names":["a"]}}`, 422, "selector"},
		"bulk of no action":           {"POST", "/instances/bulk", `{"action":"remove","selector":{"all":true}}`, 422, "action"},
		"bulk without its tags":       {"POST", "/instances/bulk", `{"action":"add_tags","selector":{"all":true}}`, 422, "tags"},
		"bulk with tags in vain":      {"POST", "/instances/bulk", `{"action":"activate","selector":{"all":true},"tags":["a"]}`, 422, "tags"},
		"bulk of a tag with a blank":  {"POST", "/instances/bulk", `{"action":"add_tags","selector":{"all":true},"tags":["a b"]}`, 422, "tags"},
		"bulk of id 0":                {"POST", "/instances/bulk", `{"action":"activate","selector":{"ids":[0]}}`, 422, "selector.ids"},
		"bulk of a name with NUL":     {"POST", "/instances/bulk", `{"action":"activate","selector":{"names":["a\u0000"]}}`, 422, "selector.names.0"},
		"bulk of too many names":      {"POST", "/instances/bulk", `{"action":"activate","selector":{"names":["a"` + strings.Repeat(`,"a"`, 10_000) + `]}}`, 422, "selector.names"},
		"restore of nobody":           {"POST", "/instances/999/restore", `{}`, 404, ""},
		"restore without a body":      {"POST", "/instances/999/restore", ``, 415, ""},
		"instances of no credential":  {"GET", "/credentials/999/instances", "", 404, ""},
		"cursor of tags, forged":      {"GET", "/tags?cursor=dGFncy5hIGI", "", 400, "cursor"},
		"deleted, perhaps":            {"GET", "/instances?deleted=perhaps", "", 400, "deleted"},
		"export with a limit":         {"GET", "/instances/export?limit=5", "", 400, "limit"},
		"unknown setting":             {"GET", "/settings/no.such", "", 404, ""},
		"setting with a strange name": {"GET", "/settings/%00", "", 404, ""},
		"unknown path":                {"GET", "/nothing", "", 404, ""},
	} {
		a := b.do(t, request{role: user.Admin, method: tt.method, path: tt.path, body: tt.body})
		if a.status != tt.status || a.problem.Field != tt.field {
			t.Errorf("%s: %d field %q, want %d %q: %.300s", name, a.status, a.problem.Field, tt.status, tt.field, a.body)
		}
		want := map[int]string{400: "invalid_request", 422: "invalid_value"}[tt.status]
		if want != "" && a.problem.Code != want {
			t.Errorf("%s: code %q, want %q", name, a.problem.Code, want)
		}
	}
	if n := one[int](t, b, `SELECT (SELECT count(*) FROM instances) + (SELECT count(*) FROM credentials) + (SELECT count(*) FROM settings)`); n != 0 {
		t.Errorf("bad input has left %d rows", n)
	}
}

func TestEveryFaultIsNamed(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	a := b.do(t, request{role: user.Admin, method: "POST", path: "/instances", body: `{"name":7,"engine":"sqlite","host":"","nope":1}`})
	fields := map[string]string{}
	for _, e := range a.problem.Errors {
		fields[e.Field] = e.Reason
	}
	if a.status != 400 || len(fields) != 5 || fields["credential_id"] != "is needed" || fields["nope"] != "is not a field of this object" {
		t.Errorf("%d %v", a.status, fields)
	}
}

func TestBodyMustBeJSON(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	const body = `{"category":"account","selector":{"all":true}}`
	for media, want := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, "APPLICATION/JSON": 201,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415,
		"application/jsonp": 415, "application/xml": 415, ";": 415,
	} {
		a := b.do(t, request{role: user.Operator, method: "POST", path: "/sync-sessions", body: body, media: media})
		if a.status != want || want == 415 && a.problem.Code != "unsupported_media_type" {
			t.Errorf("%s: %d %s", media, a.status, a.body)
		}
	}
}

func TestBodyOverOneMebibyte(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for size, want := range map[int]int{1 << 20: 422, 1<<20 + 1: 413} {
		const frame = `{"name":"","username":"u","password":"p"}`
		body := fmt.Sprintf(`{"name":"%s","username":"u","password":"p"}`, strings.Repeat("a", size-len(frame)))
		a := b.do(t, request{role: user.Operator, method: "POST", path: "/credentials", body: body})
		if len(body) != size || a.status != want {
			t.Errorf("%d bytes: %d %.200s", len(body), a.status, a.body)
		}
	}
}
