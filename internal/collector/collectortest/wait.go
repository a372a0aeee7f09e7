package collectortest

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// patience bounds how long the suite waits for anything.
const patience = 20 * time.Second

// await asks until the answer is yes. The question takes its time on the server.
func await(t testing.TB, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !yes(); {
		if time.Now().After(end) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
		runtime.Gosched()
	}
}

// wantFault checks code and phase; an empty one may be anything.
func wantFault(t testing.TB, err error, code session.Code, phase session.Phase) {
	t.Helper()
	var f *session.Fault
	if !errors.As(err, &f) {
		t.Fatalf("error %v is no fault, want %s", err, code)
	}
	if (code != "" && f.Code != code) || (phase != "" && f.Phase != phase) {
		t.Errorf("fault %q in %q, want %q in %q (%v)", f.Code, f.Phase, code, phase, f.Err)
	}
}
