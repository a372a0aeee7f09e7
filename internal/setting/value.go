package setting

import (
	"encoding/json"
	"time"
)

// Value is one setting as it is in force.
type Value struct {
	Definition
	Value     json.RawMessage // the default when nothing is stored
	UpdatedAt *time.Time      // nil when nothing is stored
	UpdatedBy *int64          // user; nil when nothing is stored
}

// Unset returns the setting with its default in force.
func (d Definition) Unset() Value {
	def, err := d.encode(d.unset)
	if err != nil {
		panic("setting " + d.Key + ": " + err.Error()) // a string or an int: a bug in this package
	}
	return Value{Definition: d, Value: def}
}
