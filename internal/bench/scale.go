package main

import (
	"context"
	"fmt"
	"time"
)

// scaleWorkers work on the sessions whose cost per record is compared.
const scaleWorkers = 2

// measureScale runs sessions of several sizes. A record should cost the same in
// all of them.
func measureScale(ctx context.Context, b *bench) error {
	for _, n := range b.scale {
		if err := measureScaleOf(ctx, b, n); err != nil {
			return fmt.Errorf("%d records: %w", n, err)
		}
	}
	return nil
}

func measureScaleOf(ctx context.Context, b *bench, records int) (err error) {
	which := count(records) + " records"
	s, err := b.set(ctx, "scale", which)
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	one, spent, err := s.runNoop(ctx, records, scaleWorkers)
	if err != nil {
		return err
	}
	b.report.add(line{
		Figure: "scale", Case: which + ": wall time", Value: ms(one.settled) / float64(records), Unit: "ms/record",
		Note: fmt.Sprintf("%s that do nothing, %s", workersOf(scaleWorkers), one.settled.Round(time.Millisecond)),
	})
	b.report.add(spent.lines("scale", which, records)...)
	return nil
}
