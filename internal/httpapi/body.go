package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// checkNUL refuses the one character that no text of Postgres can hold,
// wherever it is in a body, with an *invalid.Error per field.
func checkNUL(field string, value any) error {
	var faults []error
	eachLeaf(field, value, func(field string, leaf any) {
		if text, _ := leaf.(string); strings.ContainsRune(text, 0) {
			faults = append(faults, invalid.Field(orBody(field), "must not contain NUL"))
		}
	})
	return errors.Join(faults...)
}

// checkNumbers refuses numbers that no float can hold, which the document's
// check cannot read, with an *invalid.Error per field.
func checkNumbers(value any) error {
	var faults []error
	eachLeaf("", value, func(field string, leaf any) {
		number, ok := leaf.(json.Number)
		if !ok {
			return
		}
		if _, err := number.Float64(); err != nil {
			faults = append(faults, invalid.Field(orBody(field), "is a number that is too big"))
		}
	})
	return errors.Join(faults...)
}

// eachLeaf visits what is neither an array nor an object, with its field, in an
// order that is always the same.
func eachLeaf(field string, value any, visit func(field string, leaf any)) {
	switch v := value.(type) {
	case []any:
		for i, one := range v {
			eachLeaf(join(field, strconv.Itoa(i)), one, visit)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			eachLeaf(join(field, name), v[name], visit)
		}
	default:
		visit(field, v)
	}
}
