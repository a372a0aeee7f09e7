package main

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// figure is one line, or a few, of the report.
type figure struct {
	name    string
	about   string
	measure func(context.Context, *bench) error
}

// figures are measured in this order: those that others are compared with and
// those that end soon come first.
func figures() []figure {
	return []figure{
		{"create", "create a session, beside a plain INSERT … SELECT", measureCreate},
		{"dispatch", "records dispatched per second, beside bare asynq enqueueing", measureDispatch},
		{"noop", "records per second whose job does nothing, beside bare asynq tasks", measureNoop},
		{"sync-postgres", "account syncs per second of PostgreSQL, beside a loop that stores nothing", measureSyncPostgres},
		{"sync-mariadb", "account syncs per second of MariaDB, beside a loop that stores nothing", measureSyncMariaDB},
		{"silent", "account syncs per second with 5 % of the instances silent, beside none", measureSilent},
		{"cancel", "cancel of a running session", measureCancel},
		{"get", "GET of a running session and of a page of its records", measureGet},
		{"reads", "GET of lists, details and statistics beside a history of ten million records", measureReads},
		{"streams", "clients that follow a running session, and when they see a change", measureStreams},
		{"scale", "cost per record of small and big sessions", measureScale},
		{"million", "a session of a million records", measureMillion},
	}
}

func listFigures(w io.Writer) {
	for _, f := range figures() {
		fmt.Fprintf(w, "%-14s %s\n", f.name, f.about)
	}
}

func checkNames(names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(figures(), func(f figure) bool { return f.name == name }) {
			return fmt.Errorf("there is no figure %q; --list tells them", name)
		}
	}
	return nil
}

// chosen returns the figures of these names; all when there are none.
func chosen(names []string) []figure {
	return slices.DeleteFunc(figures(), func(f figure) bool {
		return len(names) > 0 && !slices.Contains(names, f.name)
	})
}
