package session

// Choice takes the sessions whose words are in all three lists; an empty list
// takes every word.
type Choice struct {
	Types      []Type
	Categories []Category
	Statuses   []Status
}

// Tally is how many sessions there are of one type, category and status.
type Tally struct {
	Type     Type
	Category Category
	Status   Status
	Sessions int
}
