package httpapi_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

// TestCursorWithTextThatPostgresCannotHold changes the text of genuine cursors.
func TestCursorWithTextThatPostgresCannotHold(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.accounts.set(func(f *fakeAccounts) { f.next = account.Cursor{Name: "genuine", ID: 12} })
	b.sessions.set(func(f *fakeSessions) { f.next = session.Place{ID: 12, Text: "genuine"} })
	for _, path := range []string{
		"/accounts?privilege=SELECT&object_type=table", "/accounts/diff?instance_id=1&other_id=2", aSession + "/records?sort=instance_name",
	} {
		var page struct {
			Next string `json:"next_cursor"`
		}
		b.must(t, 200, "GET", path, "", &page)
		genuine, err := base64.RawURLEncoding.DecodeString(page.Next)
		if err != nil || !strings.Contains(string(genuine), "genuine") {
			t.Fatalf("%s: cursor %q, %v", path, genuine, err)
		}
		for name, text := range map[string]string{"NUL": `a\u0000`, "a bare NUL": "a\x00", "another key": `x","NAME":"a\u0000`} {
			forged := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(genuine), "genuine", text, 1)))
			a := b.do(t, request{role: user.Viewer, method: "GET", path: path + "&cursor=" + forged})
			if a.status != 400 || a.problem.Field != "cursor" {
				t.Errorf("%s after %s: %d %.300s", path, name, a.status, a.body)
			}
		}
	}
}
