package mysql

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// querier is what the driver's connection can do.
type querier interface {
	driver.Conn
	driver.QueryerContext
	driver.ExecerContext
	driver.Validator
}

// A conn is the open connection of a read. One goroutine uses it.
type conn struct {
	my   querier
	net  *greetedConn
	read *read
}

// A query is one SELECT on system tables. Nothing in it comes from data but
// names of privilege columns, which column has checked.
type query struct {
	name    string // appears in phases; stored
	sql     string
	columns int
}

// each runs q and calls visit with each row; the row is valid only during the
// call. It returns a *failure, also for an error of visit.
func (c *conn) each(ctx context.Context, q query, visit func(row) error) error {
	ended := c.read.observe.Began(fleet.MySQL, session.PhaseQuery(q.name))
	defer ended()
	limit := c.read.limits.Statement
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("read %s: over %s", q.name, limit))
	defer cancel()
	err := c.visit(ctx, q, visit)
	if err == nil {
		return nil
	}
	return c.queryFailure(ctx, q.name, err)
}

// visit turns a panic of the driver over a hostile answer into an error.
func (c *conn) visit(ctx context.Context, q query, visit func(row) error) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("%w: the driver cannot read it", collector.ErrProtocol)
		}
	}()
	rows, err := c.my.QueryContext(ctx, q.sql, nil)
	if err != nil {
		return err
	}
	if n := len(rows.Columns()); n != q.columns {
		_ = c.net.Close() // or Close would read the rest
		return errors.Join(fmt.Errorf("%w: %d columns instead of %d", collector.ErrProtocol, n, q.columns), ignored(rows.Close()))
	}
	r := make(row, q.columns)
	for {
		err := rows.Next(r)
		if err == nil {
			err = visit(r)
		}
		if errors.Is(err, io.EOF) && c.net.failed == nil {
			return rows.Close()
		}
		if err != nil {
			if _, refused := refusal(err); !refused {
				_ = c.net.Close()
			}
			_ = rows.Close()
			return err
		}
	}
}

// ignored is for errors that an earlier one has caused.
func ignored(error) error { return nil }

// exec runs a SET.
func (c *conn) exec(ctx context.Context, name, statement string) error {
	ended := c.read.observe.Began(fleet.MySQL, session.PhaseQuery(name))
	defer ended()
	limit := c.read.limits.Statement
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: over %s", name, limit))
	defer cancel()
	if _, err := c.my.ExecContext(ctx, statement, nil); err != nil {
		return c.queryFailure(ctx, name, err)
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

// A row holds the values of one row; nil is NULL.
type row []driver.Value

// text returns a value as text that can be stored; NULL is empty.
func (r row) text(i int) string {
	switch v := r[i].(type) {
	case nil:
		return ""
	case []byte:
		return collector.Clean(v)
	case string:
		return collector.Clean([]byte(v))
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	}
	return collector.Clean(fmt.Append(nil, r[i]))
}

// json decodes a value, of any length; NULL leaves into as it is.
func (r row) json(i int, into any) error {
	switch v := r[i].(type) {
	case nil:
		return nil
	case []byte:
		return json.Unmarshal(v, into)
	}
	return json.Unmarshal([]byte(r.text(i)), into)
}

// flag reads what servers write for yes, in tables and in JSON; anything else
// is no.
func (r row) flag(i int) bool {
	switch r.text(i) {
	case "Y", "y", "1", "true":
		return true
	}
	return false
}

// integer reads a whole number; NULL and what is none are known to be so.
func (r row) integer(i int) (n int64, known bool) {
	n, err := strconv.ParseInt(r.text(i), 10, 64)
	return n, err == nil
}
