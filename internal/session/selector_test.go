package session_test

import (
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/session"
)

func TestRetryNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		r     session.Retry
		field string
	}{
		"everything that failed": {session.Retry{Scope: session.RetryFailed}, ""},
		"one code":               {session.Retry{Scope: session.RetryFailed, Code: session.CodeTLS}, ""},
		"a code that is none":    {session.Retry{Scope: session.RetryFailed, Code: "nope"}, ""}, // selects nothing
		"NUL in the code":        {session.Retry{Scope: session.RetryFailed, Code: "a\x00"}, "code"},
		"over-long code":         {session.Retry{Scope: session.RetryFailed, Code: session.Code(strings.Repeat("a", 65))}, "code"},
		"unknown scope":          {session.Retry{Scope: "all"}, "scope"},
	} {
		faults := invalid.All(tt.r.Validate())
		if tt.field == "" && len(faults) > 0 || tt.field != "" && (len(faults) != 1 || faults[0].Field != tt.field) {
			t.Errorf("%s: %v, want field %q", name, faults, tt.field)
		}
	}
}
