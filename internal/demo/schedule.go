package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// everyMinute is the name of the demo's schedule. It goes on as long as the demo.
const everyMinute = "every-minute"

const (
	fireTime = 90 * time.Second // a minute at the most, and then some
	firePoll = 250 * time.Millisecond
)

// scheduled adds a schedule and watches the first sync that it starts.
func (d *demo) scheduled(ctx context.Context) error {
	d.say("\n── A schedule: the whole fleet, every minute ──")
	if err := d.command(ctx, "schedule", "add", everyMinute, "--cron", "* * * * *", "--all"); err != nil {
		return err
	}
	d.say("Nobody starts the next sync; the scheduler does, at the next full minute …")
	id, err := d.awaitFire(ctx)
	if err != nil {
		return err
	}
	if err := d.command(ctx, "sync", "watch", id); err != nil && !errors.Is(err, errEndedOtherwise) {
		return err
	}
	return d.command(ctx, "schedule", "show", everyMinute)
}

// awaitFire returns the session of the schedule's first fire.
func (d *demo) awaitFire(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, fireTime, fmt.Errorf("the schedule did not fire within %s", fireTime))
	defer cancel()
	tick := time.NewTicker(firePoll)
	defer tick.Stop()
	for {
		if id, err := d.firedSession(ctx); err != nil || id != "" {
			return id, err
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// firedSession returns the session of the schedule's last fire, "" while there
// is none.
func (d *demo) firedSession(ctx context.Context) (string, error) {
	var fires struct {
		Items []struct {
			Outcome string `json:"outcome"`
			Reason  string `json:"reason"`
			Session string `json:"session_id"`
		} `json:"items"`
	}
	raw, err := d.capture(ctx, "--json", "schedule", "history", everyMinute, "--limit", "1")
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(raw, &fires); err != nil {
		return "", fmt.Errorf("read the schedule's history: %w", err)
	}
	if len(fires.Items) == 0 {
		return "", nil
	}
	if fire := fires.Items[0]; fire.Session == "" {
		return "", fmt.Errorf("the schedule's first fire is %s: %s", fire.Outcome, fire.Reason)
	}
	return fires.Items[0].Session, nil
}
