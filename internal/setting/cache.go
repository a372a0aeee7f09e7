package setting

import (
	"context"
	"sync"
	"time"
)

// cacheAge is how old a cached value may be: well within the ten seconds in
// which every process follows a change.
const cacheAge = 5 * time.Second

// Cache keeps settings for a few seconds. Goroutines may share it.
type Cache struct {
	Load func(context.Context) (Settings, error) // required

	mu      sync.Mutex // guards what follows
	current Settings
	at      time.Time
}

// Settings returns the settings in force, at most a few seconds old. While
// they cannot be read, the last ones that could be stay in force; only without
// any is the error returned.
func (c *Cache) Settings(ctx context.Context) (Settings, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < cacheAge {
		return c.current, nil
	}
	fresh, err := c.Load(ctx)
	if err != nil {
		if c.at.IsZero() {
			return Settings{}, err
		}
		return c.current, nil
	}
	c.current, c.at = fresh, time.Now()
	return fresh, nil
}
