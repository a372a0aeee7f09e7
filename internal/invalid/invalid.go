// Package invalid knows how to say that a value given by a person or a file is
// wrong and which field to change. It does not know any of those fields, and it
// does not decide how a fault is shown: the HTTP edge and the command line do.
package invalid

import (
	"errors"
	"fmt"
)

// Error says that Field holds a value that cannot be accepted. Its text is made
// for the user who gave the value, so it must not repeat a secret.
type Error struct {
	Line   int    // of the file that holds the value, from 1; 0 when there is none
	Field  string // name of the field, setting or variable to change; never empty
	Reason string // what is wrong, without the field's name: "must not be empty"
}

// Error returns "field: reason", or "line 7: field: reason".
func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s: %s", e.Line, e.Field, e.Reason)
	}
	return e.Field + ": " + e.Reason
}

// Field returns an *Error about field with the formatted reason.
func Field(field, format string, args ...any) *Error {
	return &Error{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// All returns every *Error in err's tree, in the order they were joined; nil
// when there is none. Use it to list all faults of errors.Join.
func All(err error) []*Error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok { //nolint:errorlint // walks the tree itself
		return []*Error{e}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Error
		for _, one := range many.Unwrap() {
			all = append(all, All(one)...)
		}
		return all
	}
	return All(errors.Unwrap(err))
}
