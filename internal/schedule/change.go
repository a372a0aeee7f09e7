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

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
