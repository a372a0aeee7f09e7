package session

import (
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

// fields returns the names of the fields that an error is about.
func fields(err error) []string {
	var names []string
	for _, f := range invalid.All(err) {
		names = append(names, f.Field)
	}
	return names
}

func TestSelectorValidate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		selector Selector
		want     []string // fields at fault
	}{
		"all":                 {Selector{All: true}, nil},
		"ids":                 {Selector{IDs: []fleet.InstanceID{1}}, nil},
		"tags and engines":    {Selector{Tags: []string{"prod"}, Engines: []fleet.Engine{fleet.MySQL}}, nil},
		"nothing":             {Selector{}, []string{"selector"}},
		"empty lists":         {Selector{IDs: []fleet.InstanceID{}, Tags: []string{}}, []string{"selector"}},
		"all and more":        {Selector{All: true, Tags: []string{"prod"}}, []string{"selector"}},
		"as many ids as may":  {Selector{IDs: slices.Repeat([]fleet.InstanceID{1}, MaxSelectorIDs)}, nil},
		"too many ids":        {Selector{IDs: slices.Repeat([]fleet.InstanceID{1}, MaxSelectorIDs+1)}, []string{"selector.ids"}},
		"an id of 0":          {Selector{IDs: []fleet.InstanceID{1, 0}}, []string{"selector.ids"}},
		"too many tags":       {Selector{Tags: slices.Repeat([]string{"a"}, 101)}, []string{"selector.tags"}},
		"more than 50 tags":   {Selector{Tags: slices.Repeat([]string{"a"}, 100)}, nil},
		"an empty tag":        {Selector{Tags: []string{""}}, []string{"selector.tags"}},
		"an unknown engine":   {Selector{Engines: []fleet.Engine{"db2"}}, []string{"selector.engines"}},
		"faults in all lists": {Selector{IDs: []fleet.InstanceID{-1}, Tags: []string{""}, Engines: []fleet.Engine{"x"}}, []string{"selector.ids", "selector.tags", "selector.engines"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fields(test.selector.Validate()); !slices.Equal(got, test.want) {
				t.Errorf("faults of %v, want %v", got, test.want)
			}
		})
	}
}

func TestRequestValidate(t *testing.T) {
	t.Parallel()
	good := Request{Category: Account, Selector: Selector{All: true}, IdempotencyKey: "k", MaxAttempts: 10}
	for name, test := range map[string]struct {
		change func(*Request)
		want   []string
	}{
		"good":              {func(*Request) {}, nil},
		"unknown category":  {func(r *Request) { r.Category = "backup" }, []string{"category"}},
		"no category":       {func(r *Request) { r.Category = "" }, []string{"category"}},
		"a long key":        {func(r *Request) { r.IdempotencyKey = strings.Repeat("k", 201) }, []string{"Idempotency-Key"}},
		"a NUL in the key":  {func(r *Request) { r.IdempotencyKey = "a\x00" }, []string{"Idempotency-Key"}},
		"too many attempts": {func(r *Request) { r.MaxAttempts = 11 }, []string{"max_attempts"}},
		"minus one attempt": {func(r *Request) { r.MaxAttempts = -1 }, []string{"max_attempts"}},
		"everything":        {func(r *Request) { *r = Request{MaxAttempts: 99} }, []string{"category", "selector", "max_attempts"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := good
			test.change(&r)
			if got := fields(r.Validate()); !slices.Equal(got, test.want) {
				t.Errorf("faults of %v, want %v", got, test.want)
			}
		})
	}
}

func TestRequestType(t *testing.T) {
	t.Parallel()
	by := int64(1)
	for want, r := range map[Type]Request{
		Scheduled:    {Selector: Selector{IDs: []fleet.InstanceID{1}}},
		ManualSingle: {CreatedBy: &by, Selector: Selector{IDs: []fleet.InstanceID{1}}},
		ManualBatch:  {CreatedBy: &by, Selector: Selector{IDs: []fleet.InstanceID{1, 2}}},
	} {
		if got := r.Type(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range Categories() {
		if got, err := ParseCategory("category", string(c)); got != c || err != nil {
			t.Errorf("%s: %s, %v", c, got, err)
		}
	}
	for _, s := range []RetryScope{RetryFailed, RetryCancelled} {
		if got, err := ParseRetryScope("scope", string(s)); got != s || err != nil {
			t.Errorf("%s: %s, %v", s, got, err)
		}
	}
	if _, err := ParseRetryScope("scope", "all"); !slices.Equal(fields(err), []string{"scope"}) {
		t.Errorf("an unknown scope: %v", err)
	}
	if got := (RecordFilter{}).Statuses(); len(got) != 7 {
		t.Errorf("an empty filter lets %v through", got)
	}
	failed := RecordFailed
	if got := (RecordFilter{Status: []RecordStatus{failed}}).Statuses(); !slices.Equal(got, []RecordStatus{failed}) {
		t.Errorf("a filter lets %v through", got)
	}
}
