package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// defaultLimit is how many rows a page has when nobody says; the document
// bounds the rest.
const defaultLimit = 50

func limitOf(limit *int) int {
	if limit == nil {
		return defaultLimit
	}
	return *limit
}

// A cursor names its list, so that one of another list is refused.
func encodeCursor(list, place string) *string {
	text := base64.RawURLEncoding.EncodeToString([]byte(list + "." + place))
	return &text
}

// decodeCursor returns the place; empty when no cursor was sent.
func decodeCursor(list string, sent *string) (string, error) {
	if sent == nil {
		return "", nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(*sent)
	place, ok := strings.CutPrefix(string(text), list+".")
	if err != nil || !ok || place == "" {
		return "", errCursor()
	}
	return place, nil
}

func errCursor() error {
	return malformed(invalid.Field("cursor", "is not a next_cursor of this list"))
}

// after returns the row number that the page begins after; 0 for the first page.
func after(list string, sent *string) (int64, error) {
	place, err := decodeCursor(list, sent)
	if err != nil || place == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(place, 10, 64)
	if err != nil || n <= 0 {
		return 0, errCursor()
	}
	return n, nil
}

// nextCursor is nil on the last page.
func nextCursor(list string, next int64) *string {
	if next == 0 {
		return nil
	}
	return encodeCursor(list, strconv.FormatInt(next, 10))
}

// afterPlace returns the row of an ordered list that the page begins after, as
// nextPlace wrote it; the zero value for the first page. id tells the row's
// number, which is never 0.
func afterPlace[T any](list string, sent *string, id func(T) int64) (place T, err error) {
	text, err := decodeCursor(list, sent)
	if err != nil || text == "" {
		return place, err
	}
	var found T
	var plain any
	err = errors.Join(json.Unmarshal([]byte(text), &found), json.Unmarshal([]byte(text), &plain))
	if err != nil || id(found) <= 0 || checkNUL("cursor", plain) != nil { // decoding leaves no text that is not UTF-8
		return place, errCursor()
	}
	return found, nil
}

// nextPlace is nil on the last page, whose next place is zero.
func nextPlace[T any](list string, next T, id func(T) int64) *string {
	if id(next) == 0 {
		return nil
	}
	place, err := json.Marshal(next)
	if err != nil {
		panic("httpapi: encode a cursor: " + err.Error()) // texts and numbers
	}
	return encodeCursor(list, string(place))
}
