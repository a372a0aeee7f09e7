package httpserver_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dbfleet/dbfleet/internal/httpserver"
)

func TestSharedCheckRunsOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		var asked atomic.Int64
		check := httpserver.Shared(func(context.Context) error {
			asked.Add(1)
			<-time.After(100 * time.Millisecond) // by the clock of the bubble
			return away
		})
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				if err := check(t.Context()); !errors.Is(err, away) {
					t.Errorf("result %v", err)
				}
			})
		}
		group.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("a hundred at once asked %d times", n)
		}
		<-time.After(time.Second)
		_ = check(t.Context())
		if n := asked.Load(); n != 2 {
			t.Errorf("a second later it was asked %d times", n)
		}
	})
}

func TestSharedCheckIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := httpserver.Shared(func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })(t.Context())
		if took := time.Since(began); err == nil || took != time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}
