package httpapi

import (
	"errors"
	"strconv"
	"strings"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// checkNUL refuses the one character that no text of Postgres can hold,
// wherever it is in a body, with an *invalid.Error per field.
func checkNUL(field string, value any) error {
	var faults []error
	switch v := value.(type) {
	case string:
		if strings.ContainsRune(v, 0) {
			return invalid.Field(orBody(field), "must not contain NUL")
		}
	case []any:
		for i, one := range v {
			faults = append(faults, checkNUL(join(field, strconv.Itoa(i)), one))
		}
	case map[string]any:
		for name, one := range v {
			faults = append(faults, checkNUL(join(field, name), one))
		}
	}
	return errors.Join(faults...)
}
