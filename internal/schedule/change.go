package schedule

import "github.com/dbfleet/dbfleet/internal/session"

// Change names the fields of a schedule to change; nil ones stay.
type Change struct {
	Name        *string
	Cron        *string
	TimeZone    *string
	Category    *session.Category
	Selector    *session.Selector
	Overlap     *Overlap
	CatchUp     *CatchUp
	MaxAttempts *int // 0: the setting's value
}

// Apply returns the changed schedule, not yet checked.
func (c Change) Apply(s Schedule) Schedule {
	set(&s.Name, c.Name)
	set(&s.Cron, c.Cron)
	set(&s.TimeZone, c.TimeZone)
	set(&s.Category, c.Category)
	set(&s.Selector, c.Selector)
	set(&s.Overlap, c.Overlap)
	set(&s.CatchUp, c.CatchUp)
	set(&s.MaxAttempts, c.MaxAttempts)
	return s
}

// Fields lists the names of what changes, as people write them.
func (c Change) Fields() []string {
	var names []string
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"name", c.Name != nil},
		{"cron", c.Cron != nil},
		{"time_zone", c.TimeZone != nil},
		{"category", c.Category != nil},
		{"selector", c.Selector != nil},
		{"overlap", c.Overlap != nil},
		{"catch_up", c.CatchUp != nil},
		{"max_attempts", c.MaxAttempts != nil},
	} {
		if f.given {
			names = append(names, f.name)
		}
	}
	return names
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
