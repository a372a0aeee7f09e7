package httpapi_test

import (
	"testing"

	"github.com/dbfleet/dbfleet/internal/user"
)

// The trail cannot hold NUL, and a refusal that cannot be kept fails.
func TestRefusalOfAPathWithNULIsKept(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	if a := b.do(t, request{role: user.Viewer, method: "GET", path: "/settings/%00"}); a.status != 403 {
		t.Errorf("%d %s", a.status, a.body)
	}
}
