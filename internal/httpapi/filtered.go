package httpapi

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
)

// filtered names a list together with its filter, so that a cursor of another
// filter is refused like one of another list.
func filtered(list string, filter any) string {
	text, err := json.Marshal(filter)
	if err != nil {
		panic(fmt.Sprintf("filter of %s: %v", list, err)) // a bug: filters are plain values
	}
	sum := fnv.New32a()
	_, _ = sum.Write(text) // never fails
	return fmt.Sprintf("%s-%08x", list, sum.Sum32())
}
