package store

// Lists are read in pages by key: the query asks for one row more than limit,
// and that row's existence says that there is a next page. limit must be
// positive; the edges check what people ask for.

// more is how many rows a page of limit asks for.
func more(limit int) int32 { return int32(limit) + 1 }

// cut returns the page of the rows that more asked for, and the key of its
// last row when another page follows; nil when it is the last one.
func cut[T, K any](rows []T, limit int, key func(T) K) ([]T, *K) {
	if len(rows) <= limit {
		return rows, nil
	}
	rows = rows[:limit]
	next := key(rows[limit-1])
	return rows, &next
}
