package session

import "time"

// Census is what the database knows of one category at one moment.
type Census struct {
	Category Category
	Records  map[RecordStatus]int // of sessions that have not ended; a status without any is 0
	Workers  int                  // live ones that serve the category
	Due      int                  // pending records whose time has come
	Oldest   time.Duration        // that the longest waiting of them has waited; 0 when none is due

	Instances   int // active ones that the category is served for
	NeverSynced int // of these
	// Since the last good sync of an instance, over those that had one: the
	// instance synced last, and the one that has waited longest. Zero when none had.
	Newest, Stalest time.Duration
}

// NewCensus returns a census of the category without anything counted.
func NewCensus(c Category) Census {
	records := map[RecordStatus]int{}
	for _, s := range RecordStatuses() {
		records[s] = 0
	}
	return Census{Category: c, Records: records}
}
