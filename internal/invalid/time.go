package invalid

import "time"

// Time refuses a time that cannot be shown everywhere: its year in UTC must be
// between 1 and 9998, so that it has four digits in every zone.
func Time(field string, t time.Time) error {
	if year := t.UTC().Year(); year < 1 || year > 9998 {
		return Field(field, "must be in a year between 1 and 9998")
	}
	return nil
}
