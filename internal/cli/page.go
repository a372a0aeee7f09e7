package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const (
	maxPage      = 500 // the API's
	defaultLimit = 100
)

// list is one or more pages joined, in the API's own form.
type list struct {
	Items      []json.RawMessage `json:"items"`
	NextCursor *string           `json:"next_cursor"`
}

// fetch asks for one page.
type fetch func(ctx context.Context, limit *int, cursor *string) (answer, error)

// collect follows pages until there are limit items; 0 means all of them.
func collect(ctx context.Context, limit int, next fetch) (list, error) {
	all := list{Items: []json.RawMessage{}}
	for {
		size := maxPage
		if limit > 0 {
			size = min(size, limit-len(all.Items))
		}
		page, err := read[list](next(ctx, &size, all.NextCursor))
		if err != nil {
			return list{}, err
		}
		all.Items = append(all.Items, page.value.Items...)
		before := all.NextCursor
		all.NextCursor = page.value.NextCursor
		if all.NextCursor == nil || limit > 0 && len(all.Items) >= limit {
			return all, nil
		}
		if before != nil && *before == *all.NextCursor {
			return list{}, errors.New("the API named the same page twice")
		}
	}
}

// limitFlag adds --limit to a command that lists.
func limitFlag(cmd *cobra.Command, limit *int) {
	cmd.Flags().IntVar(limit, "limit", defaultLimit, "show at most `N` rows; 0 for all")
}

func checkLimit(limit int) error {
	if limit < 0 {
		return usagef("--limit must be 0 (all) or more")
	}
	return nil
}

// typed decodes the items of a list.
func typed[T any](l list) ([]T, error) {
	items := make([]T, len(l.Items))
	for i, raw := range l.Items {
		if err := json.Unmarshal(raw, &items[i]); err != nil {
			return nil, fmt.Errorf("read the API's answer: %w", err)
		}
	}
	return items, nil
}

// showTable prints items as a table on Out, and on Err what is not shown.
func (a *app) showTable(t *table, more *string) {
	if a.csv {
		a.showCSV(t, more)
		return
	}
	if len(t.rows) == 0 {
		a.err.write("Nothing found.\n")
		return
	}
	shown, left := t.fitted(a.width())
	shown.coloured = a.coloured()
	a.out.write(shown.render(a.width()))
	if len(left) > 0 {
		a.err.printf("No room for %s: a wider terminal shows more, and | cat everything.\n", strings.Join(left, ", "))
	}
	a.tellMore(t, more)
}

// facts prints a table of what is known of one thing. On a terminal the last
// column goes on below, so that it is there as a whole.
func (a *app) facts(t *table) {
	t.wrap = true
	a.out.write(t.render(a.width()))
}

func (a *app) tellMore(t *table, more *string) {
	if more != nil {
		a.err.printf("There are more than these %d: --limit 0 shows all.\n", len(t.rows))
	}
}

func (a *app) showCSV(t *table, more *string) {
	text, err := t.csv()
	if err != nil {
		a.out.err = err
		return
	}
	a.listed = true
	a.out.csv(text)
	a.tellMore(t, more)
}

// showList prints a list: as JSON when that was asked for, else as the rows of t.
func showList[T any](a *app, l list, t *table, row func(T) []string) error {
	if a.json {
		a.out.json(l)
		return nil
	}
	items, err := typed[T](l)
	if err != nil {
		return err
	}
	for _, item := range items {
		t.add(row(item)...)
	}
	identify(t, items)
	a.showTable(t, l.NextCursor)
	return nil
}
