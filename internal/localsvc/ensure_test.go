package localsvc

import (
	"errors"
	"slices"
	"testing"
)

func TestEverythingMissingIsNamedTogether(t *testing.T) {
	t.Parallel()
	there := func() (string, error) { return "/usr/bin/x", nil }
	lacks := func(what string) func() (string, error) {
		return func() (string, error) { return "", errors.New(what + " is not installed") }
	}
	packages, reasons := missing([]need{
		{lacks("a"), []string{"a-server"}}, {there, []string{"b-server"}}, {lacks("c"), []string{"c-server", "c-client"}},
	})
	if want := []string{"a-server", "c-server", "c-client"}; !slices.Equal(packages, want) || reasons != "a is not installed, c is not installed" {
		t.Errorf("missing %v: %s", packages, reasons)
	}
	if packages, _ := missing([]need{{there, []string{"b-server"}}}); packages != nil {
		t.Errorf("missing %v", packages)
	}
}
