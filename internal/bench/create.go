package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

// nowhere is a target that no figure contacts: jobs that do nothing read it.
func nowhere() target { return target{engine: fleet.PostgreSQL, host: "127.0.0.1", port: 1} }

// tagAll is on all instances of a figure that are not told apart.
const tagAll = "all"

// measureCreate creates a big session, with nobody there to work on it, and
// cancels it again.
func measureCreate(ctx context.Context, b *bench) (err error) {
	s, err := b.set(ctx, "create", "")
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	if err := s.addInstances(ctx, b.big, nowhere(), tagAll); err != nil {
		return err
	}
	if err := s.startAPI(ctx); err != nil {
		return err
	}
	var created, cancelled, plain []time.Duration
	for range b.repeats {
		one, err := s.create(ctx, tagAll)
		if err != nil {
			return err
		}
		took, err := s.cancel(ctx, one.id)
		if err != nil {
			return err
		}
		bare, err := s.plainInsert(ctx)
		if err != nil {
			return err
		}
		created, cancelled, plain = append(created, one.answered), append(cancelled, took), append(plain, bare)
	}
	b.report.add(
		line{
			Figure: "create", Case: count(b.big) + " records, time to the answer", Value: ms(median(created)), Unit: "ms",
			Note: fmt.Sprintf("median of %d", b.repeats),
		}.with("plain INSERT … SELECT", ms(median(plain))),
		line{
			Figure: "create", Case: "cancel before anything ran, time to the answer", Value: ms(median(cancelled)), Unit: "ms",
			Note: fmt.Sprintf("median of %d", b.repeats),
		})
	return nil
}

// plainInsert inserts as many rows of the same columns into a table without
// indexes, checks and links, and returns the time that took.
func (s *stage) plainInsert(ctx context.Context) (time.Duration, error) {
	err := s.exec(ctx, `CREATE TABLE plain_records (LIKE sync_instance_records INCLUDING DEFAULTS INCLUDING IDENTITY)`)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = s.exec(ctx, `
		INSERT INTO plain_records (session_id, instance_id, instance_name, sync_category, status, host_key, credential_id)
		SELECT gen_random_uuid(), id, name, 'account', 'pending', host_key, credential_id FROM instances`)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	return took, s.exec(ctx, `DROP TABLE plain_records`)
}

// count prints a whole number.
func count(n int) string { return grouped(fmt.Sprint(n)) }
