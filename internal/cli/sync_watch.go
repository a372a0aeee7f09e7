package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

const watchHelp = `A watched sync ends the command: with 0 when every instance succeeded, with 1
when it ended in any other way. Ctrl-C detaches: the sync goes on, the exit code
is 2, and what is shown last says how to cancel it.`

const (
	firstPoll   = 250 * time.Millisecond // so that a bar moves at most four times a second
	slowestPoll = time.Second
	maxOutage   = 2 * time.Minute // of the API while a session is watched
)

func (a *app) syncWatchCommand() *cobra.Command {
	cmd := a.command("watch SESSION", "Watch a sync until it ends", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			first, err := a.session(ctx, c, args[0])
			if err != nil {
				return err
			}
			return a.watch(ctx, c, first)
		})
	cmd.Long = "Shows the progress of a sync until it ends. SESSION may be shortened to the\nfirst digits of a recent one.\n\n" + watchHelp
	return cmd
}

// session returns the session that a user named.
func (a *app) session(ctx context.Context, c *api, named string) (reply[client.SyncSession], error) {
	id, err := c.findSession(ctx, named)
	if err != nil {
		return reply[client.SyncSession]{}, err
	}
	return read[client.SyncSession](c.GetSyncSessionWithResponse(ctx, id))
}

// watch shows a session until it ends, then sums it up.
func (a *app) watch(ctx context.Context, c *api, first reply[client.SyncSession]) error {
	w := &watcher{app: a, api: c, last: first, display: a.newDisplay()}
	err := w.run(ctx)
	w.display.close()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("the sync may still be running, dbfleet sync watch %s goes on: %w", w.last.value.SessionId, err)
	}
	if a.json {
		a.out.json(w.last.raw)
	}
	if err != nil {
		return a.detach(w.last.value)
	}
	if !a.json {
		a.summary(w.last.value)
	}
	if outcome(w.last.value) != string(client.SessionResultSucceeded) {
		return errNotSucceeded
	}
	return nil
}

func (a *app) detach(s client.SyncSession) error {
	id := s.SessionId.String()
	if a.json {
		a.err.json(failure{Title: "Detached", Code: "detached", Detail: "the sync goes on; dbfleet sync cancel " + id + " cancels it"})
		return errDetached
	}
	a.err.printf("Detached: the sync goes on.\n  cancel it with:    dbfleet sync cancel %s\n  watch it again:    dbfleet sync watch %s\n", id, id)
	return errDetached
}

// watcher follows one session.
type watcher struct {
	app     *app
	api     *api
	last    reply[client.SyncSession] // the newest answer
	display display
	away    time.Time // since when the API does not answer; zero while it does
	stall   stall
}

// run returns nil when the session has ended. It follows the stream of events,
// and asks again and again while there is none.
func (w *watcher) run(ctx context.Context) error {
	w.stall.moves(w.last.value, w.app.now())
	w.display.show(w.last.value, 0)
	streams := true
	for delay := firstPoll; !ended(w.last.value); delay = min(2*delay, slowestPoll) {
		if streams && w.away.IsZero() {
			streams = w.follow(ctx)
			if ended(w.last.value) {
				return nil
			}
		}
		if err := w.app.pause(ctx, delay); err != nil {
			return err
		}
		if err := w.poll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// poll asks once. That the API is away for a while is no error.
func (w *watcher) poll(ctx context.Context) error {
	now, err := read[client.SyncSession](w.api.GetSyncSessionWithResponse(ctx, w.last.value.SessionId))
	if err != nil {
		return w.outage(err)
	}
	if !w.away.IsZero() {
		w.away = time.Time{}
		w.display.note("The API answers again.")
	}
	w.last = now
	w.explain(ctx, now.value)
	w.display.show(now.value, w.stall.waiting)
	return nil
}

// outage returns err when waiting would not help, or has not.
func (w *watcher) outage(err error) error {
	if !passing(err) {
		return err
	}
	now := w.app.now()
	if w.away.IsZero() {
		w.away = now
		w.display.note(fmt.Sprintf("%v; trying again for %s", err, span(maxOutage)))
	}
	if now.Sub(w.away) >= maxOutage {
		return err
	}
	return nil
}
