package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// A conn is one open connection of a read. One goroutine uses it.
type conn struct {
	pg   *pgconn.PgConn
	read *read
}

// A query is one SELECT on system catalogs. Nothing in it comes from data.
type query struct {
	name    string // appears in phases; stored
	sql     string
	columns int
}

// each runs q and calls visit with each row, in text form; the row is valid only
// during the call. It returns a *failure, also for an error of visit.
func (c *conn) each(ctx context.Context, q query, visit func(row) error, args ...string) error {
	ended := c.read.observe.Began(fleet.PostgreSQL, session.PhaseQuery(q.name))
	defer ended()
	limit := c.read.limits.Statement
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("read %s: over %s", q.name, limit))
	defer cancel()
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = []byte(a)
	}
	result := c.pg.ExecParams(ctx, q.sql, params, nil, nil, nil)
	for result.NextRow() {
		values := row(result.Values())
		err := values.check(q.columns)
		if err == nil {
			err = visit(values)
		}
		if err != nil {
			f := c.queryFailure(ctx, q.name, err)
			cancel() // or Close would read the rest
			_, _ = result.Close()
			f.Refused = false
			return f
		}
	}
	if _, err := result.Close(); err != nil {
		return c.queryFailure(ctx, q.name, err)
	}
	return nil
}

// one runs a query that must return one row, and returns its values.
func (c *conn) one(ctx context.Context, q query) ([]string, error) {
	var values []string
	err := c.each(ctx, q, func(r row) error {
		values = values[:0]
		for i := range r {
			values = append(values, r.text(i))
		}
		return nil
	})
	if err == nil && values == nil {
		return nil, c.queryFailure(ctx, q.name, fmt.Errorf("%w: no row", collector.ErrProtocol))
	}
	return values, err
}

// A row holds the values of one row as the server wrote them; nil is NULL.
type row [][]byte

func (r row) check(columns int) error {
	if len(r) != columns {
		return fmt.Errorf("%w: %d columns instead of %d", collector.ErrProtocol, len(r), columns)
	}
	return nil
}

// text returns a value as text that can be stored; NULL is empty.
func (r row) text(i int) string { return collector.Clean(r[i]) }

// flag reads a boolean; NULL is false.
func (r row) flag(i int) (bool, error) {
	switch string(r[i]) {
	case "t":
		return true, nil
	case "f", "":
		return false, nil
	}
	return false, fmt.Errorf("%w: column %d is not a boolean", collector.ErrProtocol, i)
}

// option reads a boolean that may be unknown.
func (r row) option(i int) (*bool, error) {
	if r[i] == nil {
		return nil, nil
	}
	v, err := r.flag(i)
	return &v, err
}

// integer reads a whole number.
func (r row) integer(i int) (int64, error) {
	n, err := strconv.ParseInt(string(r[i]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: column %d is not a whole number", collector.ErrProtocol, i)
	}
	return n, nil
}
