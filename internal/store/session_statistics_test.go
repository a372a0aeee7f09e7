package store

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/singleflight"
)

func TestManyWhoAskTheSameAreAnsweredTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group singleflight.Group
		var done atomic.Int32
		var all sync.WaitGroup
		free := make(chan struct{})
		impatient, leave := context.WithCancel(t.Context())
		ask := func(ctx context.Context, key string) (int32, error) {
			return together(ctx, &group, key, time.Minute, func(ctx context.Context) (int32, error) {
				<-free
				return done.Add(1), ctx.Err()
			})
		}
		all.Go(func() {
			if _, err := ask(impatient, "same"); err != context.Canceled { //nolint:errorlint // it is returned as it is
				t.Errorf("who left got %v", err)
			}
		})
		synctest.Wait()
		for range 20 {
			all.Go(func() {
				if n, err := ask(t.Context(), "same"); n != 1 || err != nil {
					t.Errorf("answer %d, %v", n, err)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(free)
		all.Wait()
		if n, err := ask(t.Context(), "same"); n != 2 || err != nil {
			t.Errorf("who asks later got answer %d, %v", n, err)
		}
	})
}
