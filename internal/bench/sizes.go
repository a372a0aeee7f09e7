package main

import "time"

// sizes are how much is measured. All of it together takes less than 20 minutes
// on two cores.
type sizes struct {
	big      int             // records of a big session
	repeats  int             // of what is over in a second; the median counts
	noop     int             // records of the no-op figure
	tasks    int             // tasks of bare asynq
	scale    []int           // sessions whose cost per record is compared
	million  int             // records of the biggest session
	first    int             // of which so many are awaited
	history  int             // ended sessions that the reads have beside them
	each     int             // records of each
	running  int             // records of the session that runs meanwhile
	streams  int             // clients of its events
	changes  int             // that they are sent for their delay
	postgres int             // instances of the fleet on PostgreSQL
	mariadb  int             // and on MariaDB
	workers  []int           // how many worker processes
	trips    []time.Duration // added round trips
	rate     int             // requests per second
	loadTime time.Duration   // of each load
}

func usualSizes() sizes {
	return sizes{
		big: 100_000, repeats: 3, noop: 20_000, tasks: 100_000,
		scale: []int{1_000, 10_000, 100_000}, million: 1_000_000, first: 50_000,
		history: 1_000, each: 10_000, running: 100_000, streams: 1_000, changes: 15,
		postgres: 112, mariadb: 600,
		workers: []int{1, 2}, trips: []time.Duration{0, 20 * time.Millisecond},
		rate: 200, loadTime: 5 * time.Second,
	}
}

// quickSizes are for a look at whether everything works, in some three minutes:
// what takes a while to get going weighs too much in them.
func quickSizes() sizes {
	s := usualSizes()
	s.big, s.repeats, s.noop, s.tasks = 10_000, 1, 3_000, 20_000
	s.scale, s.million, s.first = []int{1_000, 5_000}, 100_000, 5_000
	s.history, s.each, s.running, s.streams, s.changes = 100, 1_000, 50_000, 100, 4
	s.postgres, s.mariadb, s.loadTime = 40, 100, time.Second
	return s
}
