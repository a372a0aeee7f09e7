package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// cost is what the programs have asked of Postgres, what it has written, and
// what they have used themselves.
type cost struct {
	statements int64
	took       time.Duration // planning and running them; not the wait for a commit to be on disk
	wal        int64         // bytes; of the whole server
	size       int64         // bytes of the stage's database
	worker     time.Duration // processor time of the workers
	scheduler  time.Duration // the same of the scheduler
}

// cost tells what the programs of this stage have cost so far. Our own
// statements do not count.
func (s *stage) cost(ctx context.Context) (cost, error) {
	var c cost
	var took float64
	err := s.pool.QueryRow(ctx, `
		SELECT COALESCE(sum(s.calls), 0)::bigint, COALESCE(sum(s.total_exec_time + s.total_plan_time), 0)::float8,
		       (pg_current_wal_insert_lsn() - '0/0')::bigint, pg_database_size(current_database())
		FROM pg_stat_statements s
		WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
		  AND s.userid = $1::regrole AND s.toplevel`, programUser).Scan(&c.statements, &took, &c.wal, &c.size)
	if err != nil {
		return c, fmt.Errorf("ask what the programs cost: %w", err)
	}
	c.took = time.Duration(took * float64(time.Millisecond))
	c.worker, c.scheduler = s.cpu("worker"), s.cpu("scheduler")
	return c, nil
}

// since returns what was added to before.
func (c cost) since(before cost) cost {
	return cost{
		statements: c.statements - before.statements, took: c.took - before.took,
		wal: c.wal - before.wal, size: c.size - before.size,
		worker: c.worker - before.worker, scheduler: c.scheduler - before.scheduler,
	}
}

// lines report the cost per record.
func (c cost) lines(figure, which string, records int) []line {
	n := float64(records)
	return []line{
		{Figure: figure, Case: which + ": Postgres time", Value: ms(c.took) / n, Unit: "ms/record"},
		{Figure: figure, Case: which + ": processor time of workers", Value: ms(c.worker) / n, Unit: "ms/record"},
		{Figure: figure, Case: which + ": processor time of the scheduler", Value: ms(c.scheduler) / n, Unit: "ms/record"},
		{Figure: figure, Case: which + ": statements", Value: float64(c.statements) / n, Unit: "/record"},
		{Figure: figure, Case: which + ": WAL", Value: float64(c.wal) / n, Unit: "bytes/record"},
		{Figure: figure, Case: which + ": database", Value: float64(c.size) / n, Unit: "bytes/record"},
	}
}

const topStatements = 12

// sayStatements tells what cost the programs of this stage most.
func (s *stage) sayStatements(ctx context.Context) {
	if s.pool == nil {
		return
	}
	rows, err := s.pool.Query(ctx, `
		SELECT format('%s ms, %s calls, %s ms each: %s', round((total_exec_time + total_plan_time)::numeric), calls,
		              round(((total_exec_time + total_plan_time) / calls)::numeric, 3), left(query, 400))
		FROM pg_stat_statements
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND userid = $1::regrole
		  AND calls > 0 AND query !~ '^(CREATE|SELECT ensure_month)'
		ORDER BY total_exec_time + total_plan_time DESC LIMIT $2`, programUser, topStatements)
	if err != nil {
		s.b.say("no statements: %v", err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if rows.Scan(&text) == nil {
			s.b.say("  %s", strings.Join(strings.Fields(text), " "))
		}
	}
}
