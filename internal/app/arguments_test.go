package app

import (
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/config"
)

func TestProcessAnswersArgumentsInsteadOfStarting(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]struct {
		code     int
		out, err string
	}{
		"--help":           {0, "Usage:", ""},
		"-h":               {0, "Usage:", ""},
		"--version":        {0, "worker " + Version() + "\n", ""},
		"help":             {2, "", "takes no arguments"},
		"--concurrency=8":  {2, "", "takes no arguments"},
		"--help --version": {2, "", "takes no arguments"},
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			var out, errs strings.Builder
			// Without a setting it could not start: that would be named instead.
			code := Main(config.Worker, strings.Fields(args), nil, &out, &errs)
			if code != want.code || !strings.Contains(out.String(), want.out) || !strings.Contains(errs.String(), want.err) {
				t.Errorf("exited with %d: %s%s", code, &out, &errs)
			}
			if strings.Contains(errs.String(), "DBFLEET_") || (out.Len() > 0) == (errs.Len() > 0) {
				t.Errorf("out = %s, err = %s", &out, &errs)
			}
		})
	}
}
