package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/session"
)

func TestRunCancelledRecordIsClosedAsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, hang)
		done := b.handle(t.Context(), 1)
		synctest.Wait()
		b.Stop([]session.RecordID{99})
		synctest.Wait()
		if b.Running() != 1 {
			t.Fatalf("%d records run, want 1", b.Running())
		}
		b.Stop([]session.RecordID{1})
		<-done
		if s := b.wantSettled(t, "cancelled"); s.fault != nil {
			t.Errorf("fault = %v", s.fault)
		}
		if b.Running() != 0 || b.ended != 1 {
			t.Errorf("running %d, ended %d", b.Running(), b.ended)
		}
	})
}

func TestRunOutlivesTheContextOfItsDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b := newBundle(t, hang)
		done := b.handle(ctx, 1)
		synctest.Wait()
		cancel()
		synctest.Wait()
		if b.Running() != 1 {
			t.Error("the record was stopped with its delivery")
		}
		b.Stop([]session.RecordID{1})
		<-done
	})
}

func TestRunAbandonedAfterTheLeaseSettlesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, hang)
		done := b.handle(t.Context(), 1)
		synctest.Wait()
		b.Abandon()
		<-done
		if all := b.store.all(); len(all) != 0 {
			t.Errorf("settled %+v", all)
		}
	})
}

func TestRunClaimedBeforeTheLeaseWasOverIsAbandonedToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, hang)
		b.store.claiming, b.store.claimGo = make(chan struct{}), make(chan struct{})
		done := b.handle(t.Context(), 1)
		<-b.store.claiming
		b.Abandon() // the claim is on its way
		b.store.mu.Lock()
		b.store.worker = uuid.New()
		b.store.mu.Unlock()
		close(b.store.claimGo)
		<-done
		if all := b.store.all(); len(all) != 0 {
			t.Errorf("settled %+v", all)
		}
	})
}

func TestRunOverItsLimitFailsAsTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, func(ctx context.Context, _ Task) (Report, error) {
			<-ctx.Done()
			return Report{}, fmt.Errorf("read: %w", ctx.Err()) // a driver that says nothing more
		})
		began := time.Now()
		<-b.handle(t.Context(), 1)
		s := b.wantSettled(t, "returned")
		if s.fault == nil || s.fault.Code != session.CodeTimeout || s.delay <= 0 {
			t.Errorf("settled %+v", s)
		}
		if took := time.Since(began); took < 5*time.Minute || took > 5*time.Minute+time.Second {
			t.Errorf("took %s, want the limit", took)
		}
	})
}

func TestRunThatIgnoresItsLimitStoresNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, func(ctx context.Context, _ Task) (Report, error) {
			<-ctx.Done()
			return Report{}, fmt.Errorf("read accounts: %w", context.Cause(ctx))
		})
		<-b.handle(t.Context(), 1)
		if s := b.wantSettled(t, "returned"); s.fault.Code != session.CodeTimeout {
			t.Errorf("fault = %v", s.fault)
		}
	})
}

func TestRunPanicFailsTheRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, func(_ context.Context, task Task) (Report, error) {
			panic("with " + task.Target.Password.Reveal())
		})
		<-b.handle(t.Context(), 1)
		s := b.wantSettled(t, "failed")
		if s.fault.Code != session.CodeInternal || strings.Contains(s.fault.Error(), "horse") {
			t.Errorf("fault = %v", s.fault)
		}
		if log := b.log.String(); strings.Contains(log, canary) || !strings.Contains(log, "job panicked") {
			t.Errorf("log: %s", log)
		}
	})
}

func TestRunFaultHoldsNoPassword(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, failing(session.CodeAuthFailed))
		<-b.handle(t.Context(), 1)
		s := b.wantSettled(t, "failed")
		if strings.Contains(s.fault.Error(), canary) || strings.Contains(b.log.String(), canary) {
			t.Errorf("the password shows: %v", s.fault)
		}
	})
}

func TestRunRetriesWhatMayPass(t *testing.T) {
	t.Parallel()
	for code, want := range map[session.Code]string{
		session.CodeRefused: "returned", session.CodeTooMany: "returned", session.CodeConnectTimeout: "returned",
		session.CodeAuthFailed: "failed", session.CodePermission: "failed", session.CodeTooLarge: "failed",
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBundle(t, failing(code))
				<-b.handle(t.Context(), 1)
				if s := b.wantSettled(t, want); s.fault.Code != code || (s.delay > 0) != (want == "returned") {
					t.Errorf("settled %+v", s)
				}
			})
		})
	}
}

func TestRunFailsAtTheLastAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, failing(session.CodeRefused))
		b.store.policy.MaxAttempts = 1
		<-b.handle(t.Context(), 1)
		b.wantSettled(t, "failed")
	})
}

func TestRunWaitsWhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b *bundle
		b = newBundle(t, func(context.Context, Task) (Report, error) {
			b.store.mu.Lock()
			b.store.awayFor = 4 // and again at the settle
			b.store.mu.Unlock()
			return Report{}, &session.Fault{Code: session.CodeTLS, Phase: session.PhaseTLS, Err: errors.New("x")}
		})
		b.store.awayFor = 4
		<-b.handle(t.Context(), 1)
		b.wantSettled(t, "failed")
	})
}

func TestRunThatPostgresCouldNotTakeCostsNoAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, func(context.Context, Task) (Report, error) {
			return Report{}, fmt.Errorf("store: %w", session.ErrAway)
		})
		<-b.handle(t.Context(), 1)
		if s := b.wantSettled(t, "returned"); s.fault != nil {
			t.Errorf("fault = %v", s.fault)
		}
		if log := b.log.String(); !strings.Contains(log, "result=released") || !strings.Contains(log, session.ErrAway.Error()) {
			t.Errorf("log: %s", log)
		}
	})
}

// What Postgres is there for and cannot take is a failure of this record: it must
// not come back until the end of its session.
func TestRunThatCannotBeStoredIsAFailure(t *testing.T) {
	t.Parallel()
	slow := func(ctx context.Context, task Task) (Report, error) {
		return Report{}, patiently(context.WithoutCancel(ctx), task.Over, func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("merge: %w", ctx.Err())
		})
	}
	refused := func(context.Context, Task) (Report, error) {
		return Report{}, &session.Fault{Code: session.CodeStorage, Phase: session.PhaseStore, Err: errors.New("no space left on device")}
	}
	for name, job := range map[string]jobFunc{"in time": slow, "at all": refused} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBundle(t, job)
				<-b.handle(t.Context(), 1)
				if s := b.wantSettled(t, "returned"); s.fault == nil || s.fault.Code != session.CodeStorage || s.delay <= 0 {
					t.Errorf("settled %+v", s)
				}
				b.store.policy.MaxAttempts = 1
				<-b.handle(t.Context(), 2)
				if all := b.store.all(); len(all) != 2 || all[1].how != "failed" {
					t.Errorf("settled %+v", all)
				}
			})
		})
	}
}

func TestSettleOutwaitsALock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, failing(session.CodeTLS))
		b.store.locked = 3
		<-b.handle(t.Context(), 1)
		b.wantSettled(t, "failed")
	})
}

func TestClaimGivesUpAfterItsPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, hang)
		b.store.awayFor = 1 << 30
		began := time.Now()
		<-b.handle(t.Context(), 1)
		if took := time.Since(began); took < patience || took > patience+maxPause {
			t.Errorf("gave up after %s, want %s", took, patience)
		}
	})
}

func TestRunThatLostItsClaimIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, func(context.Context, Task) (Report, error) { return Report{}, session.ErrClaimLost })
		<-b.handle(t.Context(), 1)
		if all := b.store.all(); len(all) != 0 || b.ended != 1 {
			t.Errorf("settled %+v, ended %d", all, b.ended)
		}
	})
}

func TestDrainWaitsThenReleases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, hang)
		done := b.handle(t.Context(), 1)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		began := time.Now()
		b.Drain(ctx)
		<-done
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("drained after %s", took)
		}
		if s := b.wantSettled(t, "returned"); s.fault != nil || s.delay != 0 {
			t.Errorf("released as %+v", s)
		}
		<-b.handle(t.Context(), 2)
		if b.store.claimed != 1 {
			t.Error("claimed after the drain")
		}
	})
}

func TestDrainReturnsWhenNothingRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, func(context.Context, Task) (Report, error) {
			<-time.After(3 * time.Second)
			return Report{}, nil
		})
		b.handle(t.Context(), 1)
		synctest.Wait()
		began := time.Now()
		b.Drain(t.Context())
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("drained after %s", took)
		}
		if all := b.store.all(); len(all) != 0 {
			t.Errorf("settled %+v: the job does that itself", all)
		}
	})
}

func TestSecondDrainReleasesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, hang)
		b.handle(t.Context(), 1)
		synctest.Wait()
		first := make(chan struct{})
		go func() {
			defer close(first)
			b.Drain(t.Context())
		}()
		<-time.After(time.Second)
		at := time.Now()
		over, cancel := context.WithCancel(t.Context())
		cancel()
		b.Drain(over)
		<-first
		if time.Since(at) != 0 {
			t.Errorf("released after %s", time.Since(at))
		}
		b.wantSettled(t, "returned")
	})
}

func TestDrainReleasesWhatWasBeingClaimed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, hang)
		b.store.claiming, b.store.claimGo = make(chan struct{}), make(chan struct{})
		done := b.handle(t.Context(), 1)
		<-b.store.claiming
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			over, cancel := context.WithCancel(t.Context())
			cancel()
			b.Drain(over)
		}()
		synctest.Wait()
		close(b.store.claimGo)
		began := time.Now()
		<-drained
		<-done
		if time.Since(began) > time.Second {
			t.Errorf("drained after %s", time.Since(began))
		}
		b.wantSettled(t, "returned")
	})
}

func TestTicketsThatWaitAreNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, func(ctx context.Context, task Task) (Report, error) {
			task.Answered(ctx)
			return hang(ctx, task)
		})
		for record := range session.RecordID(6) {
			b.handle(t.Context(), record+1)
		}
		synctest.Wait()
		waiting := b.Waiting()
		if len(waiting) != 2 || waiting[0].Gen != 1 {
			t.Errorf("waiting %v, want the two that have no place", waiting)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		b.Drain(over)
		if waiting := b.Waiting(); len(waiting) != 0 {
			t.Errorf("still waiting %v", waiting)
		}
	})
}

func TestSilentTargetsLendTheirPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t, hang)
		for record := range session.RecordID(12) {
			b.handle(t.Context(), record+1)
		}
		synctest.Wait()
		if b.Running() != 4 {
			t.Errorf("%d run at once, want 4", b.Running())
		}
		<-time.After(3 * silence)
		synctest.Wait()
		if b.Running() != 12 {
			t.Errorf("%d run beside silent targets, want all", b.Running())
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		b.Drain(over)
	})
}
