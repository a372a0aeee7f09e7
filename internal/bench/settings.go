package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// settings tells what was chosen, for the report.
func (b *bench) settings() []setting {
	var own []string
	all := ownSettings()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		own = append(own, name+"="+all[name])
	}
	return []setting{
		{"own postgres", "defaults (fsync and synchronous_commit on) and " + strings.Join(own, ", ")},
		{"targets", fmt.Sprintf("fleets of 50 accounts and 20 databases; PostgreSQL without fsync; %d connections", targetConns)},
		{"programs", "defaults: concurrency 64, 4 fetchers, 4 connections to Postgres each (api 16); log json to a file; no limit to the requests of a token"},
		{"network", "loopback; an added round trip is 10 ms each way of data and 20 ms for a new connection"},
	}
}
