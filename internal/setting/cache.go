package setting

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// cacheAge is how old a cached value may be: well within the ten seconds in
// which every process follows a change.
const cacheAge = 5 * time.Second

// loadTime is how long one reading may take; callers queue up behind it.
const loadTime = 3 * time.Second

// Cache keeps settings for a few seconds. Goroutines may share it.
type Cache struct {
	Load func(context.Context) (Settings, error) // required

	mu      sync.Mutex // guards what follows
	current Settings
	known   bool      // current was read once
	asked   time.Time // when it was last tried
}

// Settings returns the settings in force, at most a few seconds old. While
// they cannot be read, the last ones that could be stay in force; only without
// any is the error returned.
func (c *Cache) Settings(ctx context.Context) (Settings, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known && time.Since(c.asked) < cacheAge {
		return c.current, nil
	}
	fresh, err := c.load(ctx)
	c.asked = time.Now() // a failure too: not every caller waits for a database that is away
	if err != nil && !c.known {
		return Settings{}, err
	}
	if err == nil {
		c.current, c.known = fresh, true
	}
	return c.current, nil
}

func (c *Cache) load(ctx context.Context) (Settings, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, loadTime, fmt.Errorf("read settings: over %s", loadTime))
	defer cancel()
	return c.Load(ctx)
}
