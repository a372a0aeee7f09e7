package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Clock returns the time of Redis. The error is nothing but its reason.
func (c *Client) Clock(ctx context.Context) (time.Time, error) { return c.redis.Time(ctx).Result() }

// Version returns the version of Redis, such as 7.0.15; empty when it does not
// tell.
func (c *Client) Version(ctx context.Context) (string, error) {
	text, err := c.redis.Info(ctx, "server").Result()
	if refused(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	for line := range strings.Lines(text) {
		if version, found := strings.CutPrefix(line, "redis_version:"); found {
			return strings.TrimSpace(version), nil
		}
	}
	return "", nil
}

// Policy returns maxmemory-policy, under which Redis may throw tasks away when
// its memory is full, unless it is noeviction; empty when the server refuses the
// question. Nothing is lost then, but every evicted task waits for the reconciler.
func (c *Client) Policy(ctx context.Context) (string, error) {
	values, err := c.redis.ConfigGet(ctx, "maxmemory-policy").Result()
	if refused(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("ask for maxmemory-policy: %w", err)
	}
	return values["maxmemory-policy"], nil
}

// refused tells an answer of the server from one that did not come. A managed
// server renames the command, or denies it to the user.
func refused(err error) bool {
	answer, ok := errors.AsType[redis.Error](err)
	return ok && (strings.Contains(answer.Error(), "unknown command") || strings.HasPrefix(answer.Error(), "NOPERM"))
}
