package invalid

import (
	"unicode"
	"unicode/utf8"
)

// Text checks a required text: at least one rune, and everything OptionalText
// checks. It returns nil or an *Error about field.
func Text(field, s string, maxRunes int) error {
	if s == "" {
		return Field(field, "must not be empty")
	}
	return OptionalText(field, s, maxRunes)
}

// OptionalText checks a text of one line that may be empty: valid UTF-8, no NUL
// or other control character, not over maxRunes. It returns nil or an *Error
// about field; the reason never repeats the text.
func OptionalText(field, s string, maxRunes int) error {
	if !utf8.ValidString(s) {
		return Field(field, "must be valid UTF-8")
	}
	if utf8.RuneCountInString(s) > maxRunes {
		return Field(field, "must not be longer than %d characters", maxRunes)
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return Field(field, "must not contain the control character %U", r)
		}
	}
	return nil
}
