package invalid_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

func TestErrorNamesFieldAndReason(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("add instance: %w", invalid.Field("port", "must be 1 to %d", 65535))
	if got, want := err.Error(), "add instance: port: must be 1 to 65535"; got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
	var e *invalid.Error
	if !errors.As(err, &e) || e.Field != "port" {
		t.Errorf("errors.As found %+v, want field port", e)
	}
}

func TestAllListsJoinedAndWrappedFaultsInOrder(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("load: %w", errors.Join(
		invalid.Field("a", "x"),
		errors.New("not a fault of the user"),
		fmt.Errorf("b: %w", errors.Join(invalid.Field("b", "y"), invalid.Field("c", "z"))),
	))
	var fields []string
	for _, e := range invalid.All(err) {
		fields = append(fields, e.Field)
	}
	if got := strings.Join(fields, ","); got != "a,b,c" {
		t.Errorf("fields = %q, want a,b,c", got)
	}
	if invalid.All(nil) != nil || invalid.All(errors.New("other")) != nil {
		t.Error("faults found where there are none")
	}
}

func TestTextRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		check func(string, string, int) error
		in    string
		want  string // part of the reason; empty: accepted
	}{
		{"plain", invalid.Text, "ab", ""},
		{"empty", invalid.Text, "", "empty"},
		{"empty is fine when optional", invalid.OptionalText, "", ""},
		{"runes are counted, not bytes", invalid.Text, "äöü", ""},
		{"too long", invalid.Text, "abcd", "longer than 3"},
		{"NUL", invalid.Text, "a\x00", "U+0000"},
		{"line feed", invalid.Text, "a\nb", "U+000A"},
		{"C1 control", invalid.Text, "a\u0085", "U+0085"},
		{"broken UTF-8", invalid.OptionalText, "a\xff", "UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.check("name", tt.in, 3)
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestTimeIsBoundedByItsYearInUTC(t *testing.T) {
	t.Parallel()
	for text, fine := range map[string]bool{
		"0001-01-01T00:00:00Z": true, "9998-12-31T23:59:59Z": true, "9999-01-01T05:00:00+06:00": true,
		"0001-01-01T00:00:00+01:00": false, "0000-06-01T00:00:00Z": false, "9999-01-01T00:00:00Z": false,
		"9998-12-31T23:59:59-01:00": false, "9999-12-31T23:59:59-01:00": false,
	} {
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if err := invalid.Time("at", moment); (err == nil) != fine {
			t.Errorf("%s: %v", text, err)
		}
	}
}
