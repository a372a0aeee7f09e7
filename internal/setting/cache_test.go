package setting

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A source is a database of settings that may be away.
type source struct {
	hosts int
	err   error
	hangs bool
	reads int
}

func (s *source) load(ctx context.Context) (Settings, error) {
	s.reads++
	if s.hangs {
		<-ctx.Done()
		return Settings{}, context.Cause(ctx)
	}
	set := Defaults()
	set.HostLimit = s.hosts
	return set, s.err
}

func TestCacheFollowsWithinTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{hosts: 1}
		c := &Cache{Load: s.load}
		for range 100 {
			if set, err := c.Settings(t.Context()); set.HostLimit != 1 || err != nil {
				t.Fatalf("host limit %d, %v", set.HostLimit, err)
			}
		}
		if s.reads != 1 {
			t.Errorf("read %d times", s.reads)
		}
		s.hosts = 2
		<-time.After(10 * time.Second)
		if set, err := c.Settings(t.Context()); set.HostLimit != 2 || err != nil {
			t.Errorf("host limit %d, %v", set.HostLimit, err)
		}
	})
}

func TestCacheKeepsTheLastSettingsInAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{hosts: 1, err: errors.New("away")}
		c := &Cache{Load: s.load}
		if _, err := c.Settings(t.Context()); !errors.Is(err, s.err) {
			t.Errorf("without any: %v", err)
		}
		s.err = nil
		if _, err := c.Settings(t.Context()); err != nil {
			t.Errorf("a first failure was kept: %v", err)
		}
		s.hangs = true
		<-time.After(time.Minute)
		began, reads := time.Now(), s.reads
		for range 100 {
			if set, err := c.Settings(t.Context()); set.HostLimit != 1 || err != nil {
				t.Fatalf("host limit %d, %v", set.HostLimit, err)
			}
		}
		if took := time.Since(began); took > loadTime || s.reads != reads+1 {
			t.Errorf("100 callers waited %s for %d readings", took, s.reads-reads)
		}
	})
}
