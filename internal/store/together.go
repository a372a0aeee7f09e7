package store

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"
)

// together does something once, within limit, for all who ask for it under one
// key meanwhile. That the first of them leaves ends it for none.
func together[T any](
	ctx context.Context, g *singleflight.Group, key string, limit time.Duration, do func(context.Context) (T, error),
) (T, error) {
	answer := g.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), limit, fmt.Errorf("over %s", limit))
		defer cancel()
		return do(ctx)
	})
	select {
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	case got := <-answer:
		v, _ := got.Val.(T) // what do returns
		return v, got.Err
	}
}
