package store

// Lists are read in pages by key: a query asks for one row more than limit,
// and that this row exists says that another page follows. limit must be
// positive; the edges check what people ask for.

// more is how many rows a page of limit asks for.
func more(limit int) int32 { return int32(limit) + 1 }

// cut returns the page out of the rows that more asked for, and the key of its
// last row when another page follows, else the zero key.
func cut[T, K any](rows []T, limit int, key func(T) K) (page []T, next K) {
	if len(rows) <= limit {
		return rows, next
	}
	page = rows[:limit]
	return page, key(page[limit-1])
}
