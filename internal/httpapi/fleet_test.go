package httpapi_test

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/user"
)

type stored struct {
	ID       int64
	Name     string
	Host     string
	Port     int
	HostKey  string `json:"host_key"`
	TLSMode  string `json:"tls_mode"`
	Tags     []string
	Active   bool
	Username string
	Version  any    // a number of credentials, a text of instances
	KeyID    string `json:"key_id"`
}

const password = "S3cret-canary-é"

func (b *bundle) credential(t *testing.T) stored {
	t.Helper()
	var c stored
	b.must(t, 201, "POST", "/credentials", `{"name":"monitor","username":"dbfleet","password":"`+password+`"}`, &c)
	return c
}

func TestInstanceFromRegistrationToRemoval(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t)
	var in stored
	body := fmt.Sprintf(`{"name":"orders-1","engine":"postgresql","host":"10.0.0.7","credential_id":%d,"tags":["prod"]}`, c.ID)
	b.must(t, 201, "POST", "/instances", body, &in)
	if in.Port != 5432 || in.HostKey != "10.0.0.7" || in.TLSMode != "verify-full" || !in.Active {
		t.Errorf("registered %+v", in)
	}
	if a := b.must(t, 409, "POST", "/instances", body, nil); a.problem.Code != "name_taken" {
		t.Errorf("registered twice: %s", a.body)
	}
	path := fmt.Sprintf("/instances/%d", in.ID)
	b.must(t, 200, "PATCH", path, `{"active":false,"tags":[]}`, &in)
	if in.Active || len(in.Tags) != 0 || in.Name != "orders-1" || in.Host != "10.0.0.7" {
		t.Errorf("changed %+v", in)
	}
	var page struct{ Items []stored }
	b.must(t, 200, "GET", "/instances?active=false&engine=postgresql&name=ORDERS", "", &page)
	if len(page.Items) != 1 {
		t.Errorf("listed %+v", page.Items)
	}
	for mode, want := range map[string]int{"verify-full": 1, "disable": 0} {
		b.must(t, 200, "GET", "/instances?tls_mode="+mode, "", &page)
		if len(page.Items) != want {
			t.Errorf("listed in mode %s: %+v", mode, page.Items)
		}
	}
	if a := b.must(t, 409, "DELETE", fmt.Sprintf("/credentials/%d", c.ID), "", nil); a.problem.Code != "credential_in_use" {
		t.Errorf("credential in use: %s", a.body)
	}
	b.must(t, 204, "DELETE", path, "", nil)
	b.must(t, 404, "GET", path, "", nil)
	b.must(t, 404, "DELETE", path, "", nil)
	b.must(t, 404, "PATCH", path, `{"host":"10.0.0.8"}`, nil)
	if by := one[string](t, b, `SELECT DISTINCT user_name || ' ' || remote_addr FROM audit_events WHERE action LIKE 'instance.%'`); by != "the admin 127.0.0.1" {
		t.Errorf("audited by %q", by)
	}
}

func TestAuthorityWithoutEffectIsNamed(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t)
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	body := fmt.Sprintf(`{"name":"a","engine":"mysql","host":"10.0.0.1","credential_id":%d,"tls_ca":%q,"tls_mode":`, c.ID, ca)
	if a := b.must(t, 422, "POST", "/instances", body+`"require"}`, nil); a.problem.Field != "tls_ca" {
		t.Errorf("registered: %s", a.body)
	}
	var in stored
	b.must(t, 201, "POST", "/instances", body+`"verify-ca"}`, &in)
	path := fmt.Sprintf("/instances/%d", in.ID)
	b.must(t, 200, "PATCH", path, `{"tls_mode":"require"}`, &in)
	if in.TLSMode != "require" {
		t.Errorf("mode %s", in.TLSMode)
	}
	if a := b.must(t, 422, "PATCH", path, fmt.Sprintf(`{"tls_ca":%q}`, ca), nil); a.problem.Field != "tls_ca" {
		t.Errorf("given later: %s", a.body)
	}
	b.must(t, 200, "PATCH", path, fmt.Sprintf(`{"tls_ca":%q,"tls_mode":"verify-full"}`, ca), nil)
}

func TestTargetOutsideThePolicyIsRefusedOnSave(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t)
	create := func(host string, port int) answer {
		return b.do(t, request{role: user.Operator, method: "POST", path: "/instances", body: fmt.Sprintf(
			`{"name":"a","engine":"postgresql","host":%q,"port":%d,"credential_id":%d}`, host, port, c.ID)})
	}
	for host, port := range map[string]int{"192.0.2.1": 5432, "10.0.0.1": 22, "127.0.0.1": 5432, "169.254.169.254": 80, "localhost": 5432} {
		a := create(host, port)
		if a.status != 422 || a.problem.Field != "host" || !strings.Contains(a.body, "DBFLEET_TARGET_ALLOW") || !strings.Contains(a.body, fmt.Sprint(port)) {
			t.Errorf("%s:%d: %d %s", host, port, a.status, a.body)
		}
	}
	a := create("10.0.0.1", 5432)
	if a.status != 201 {
		t.Fatalf("allowed: %d %s", a.status, a.body)
	}
	var in stored
	decode(t, a.body, &in)
	b.must(t, 422, "PATCH", fmt.Sprintf("/instances/%d", in.ID), `{"port":22}`, nil)
	b.must(t, 422, "PATCH", fmt.Sprintf("/instances/%d", in.ID), `{"host":"192.0.2.1"}`, nil)
	b.must(t, 200, "PATCH", fmt.Sprintf("/instances/%d", in.ID), `{"port":3306,"host":"10.9.9.9"}`, nil)
}

func TestUnknownCredentialIsNamed(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	a := b.must(t, 422, "POST", "/instances", `{"name":"a","engine":"mysql","host":"10.0.0.1","credential_id":99}`, nil)
	if a.problem.Field != "credential_id" {
		t.Errorf("%s", a.body)
	}
}

func TestInstancePages(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t)
	for i := range 5 {
		b.must(t, 201, "POST", "/instances", fmt.Sprintf(`{"name":"i%d","engine":"mysql","host":"10.0.0.1","credential_id":%d}`, i, c.ID), nil)
	}
	names, cursor := "", ""
	for pages := 1; ; pages++ {
		var page struct {
			Items []stored
			Next  *string `json:"next_cursor"`
		}
		b.must(t, 200, "GET", "/instances?limit=2"+cursor, "", &page)
		for _, in := range page.Items {
			names += in.Name
		}
		if page.Next == nil {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		cursor = "&cursor=" + *page.Next
	}
	if names != "i0i1i2i3i4" {
		t.Errorf("listed %q", names)
	}
}

func TestPasswordGoesInAndNeverOut(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t)
	path := fmt.Sprintf("/credentials/%d", c.ID)
	shown := b.must(t, 200, "GET", path, "", nil).body + b.must(t, 200, "GET", "/credentials", "", nil).body
	var changed stored
	shown += b.must(t, 200, "PATCH", path, `{"username":"root","password":"`+password+`2"}`, &changed).body
	if changed.Version != 2.0 || changed.Username != "root" || changed.KeyID != c.KeyID {
		t.Errorf("changed %+v", changed)
	}
	sealed := one[[]byte](t, b, `SELECT sealed FROM credentials WHERE id = $1`, c.ID)
	if text, err := b.ring.Open(fleet.PasswordBinding(fleet.CredentialID(c.ID), 2), sealed); err != nil || text.Reveal() != password+"2" {
		t.Errorf("a worker opens %q, %v", text.Reveal(), err)
	}
	if a := b.must(t, 422, "PATCH", path, `{"username":"other"}`, nil); a.problem.Field != "password" {
		t.Errorf("a user name alone: %s", a.body)
	}
	shown += b.log.String() + one[string](t, b, `SELECT string_agg(a::text, '') FROM audit_events a`)
	if strings.Contains(shown, "canary") {
		t.Error("the password was shown, logged or audited")
	}
	b.must(t, 204, "DELETE", path, "", nil)
	b.must(t, 404, "GET", path, "", nil)
}

func TestSettingIsSetByAdminsOnly(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var s struct {
		Value, Default int
		Kind           string
		UpdatedBy      *int64 `json:"updated_by"`
		Min, Max       *int
	}
	b.must(t, 200, "PUT", "/settings/dispatch.host_limit", `{"value":8}`, &s)
	if s.Value != 8 || s.Default != 4 || s.Kind != "number" || s.UpdatedBy == nil || *s.Max != 10_000 {
		t.Errorf("set %+v", s)
	}
	var list struct{ Items []struct{ Key string } }
	b.must(t, 200, "GET", "/settings", "", &list)
	if len(list.Items) < 5 {
		t.Errorf("listed %v", list.Items)
	}
	b.must(t, 200, "PUT", "/settings/time_zone", `{"value":"Asia/Shanghai"}`, nil)
	if n := one[int](t, b, `SELECT count(*) FROM audit_events WHERE action = 'setting.set' AND detail ? 'old'`); n != 2 {
		t.Errorf("%d changes audited", n)
	}
	if a := b.do(t, request{role: user.Operator, method: "GET", path: "/settings"}); a.status != 403 {
		t.Errorf("an operator: %d", a.status)
	}
}

func TestMeShowsTheTokensUser(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	a := b.do(t, request{role: user.Viewer, method: "GET", path: "/me"})
	var me struct{ Name, Role string }
	decode(t, a.body, &me)
	if me.Name != "the viewer" || me.Role != "viewer" {
		t.Errorf("%s", a.body)
	}
}
