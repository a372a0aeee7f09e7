package runner

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// A worker that is told to end while Postgres is away ends with its drain: the
// reaper takes back what it could not settle.
func TestDrainDoesNotOutwaitPostgres(t *testing.T) {
	t.Parallel()
	for name, job := range map[string]jobFunc{
		"while results wait to be stored": func(ctx context.Context, task Task) (Report, error) {
			return Report{}, patiently(context.WithoutCancel(ctx), task.Over, func(context.Context) error { return session.ErrAway })
		},
		"while a fault waits to be stored": failing(session.CodeTLS),
		"while the target is read":         hang,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var b *bundle
				b = newBundle(t, func(ctx context.Context, task Task) (Report, error) {
					b.store.mu.Lock()
					b.store.awayFor = 1 << 30
					b.store.mu.Unlock()
					return job(ctx, task)
				})
				done := b.handle(t.Context(), 1)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				began := time.Now()
				b.Drain(ctx)
				<-done
				if took := time.Since(began); took > 30*time.Second+maxPause {
					t.Errorf("ended after %s", took)
				}
			})
		})
	}
}
