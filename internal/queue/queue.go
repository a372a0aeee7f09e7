// Package queue rings the bell: it is the only package that knows asynq and
// Redis. A task is a ticket (ids and a generation) and nothing else; whatever
// Redis loses, repeats, delays or makes up, only Postgres changes a record. So
// asynq never retries, never times work out, and its archive stays empty.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/session"
)

// taskType is the only type of task. Sent; do not rename.
const taskType = "dbfleet:record"

// payloadVersion is the version of the payload's form. Sent.
const payloadVersion = 1

// payload is what a task carries. Sent; do not rename.
type payload struct {
	Version int   `json:"v"`
	Record  int64 `json:"r"`
	Gen     int   `json:"g"`
}

// ErrGarbage says that a task is not one of ours.
var ErrGarbage = errors.New("not a task of dbfleet")

const maxPayload = 256 // bytes; ours have less than 80

// decode returns the ticket of a task. The task is untrusted input.
func decode(t *asynq.Task, category session.Category) (session.Ticket, error) {
	if t.Type() != taskType {
		return session.Ticket{}, fmt.Errorf("%w: unknown type", ErrGarbage)
	}
	if len(t.Payload()) > maxPayload {
		return session.Ticket{}, fmt.Errorf("%w: payload of %d bytes", ErrGarbage, len(t.Payload()))
	}
	var p payload
	dec := json.NewDecoder(strings.NewReader(string(t.Payload())))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil || dec.InputOffset() != int64(len(t.Payload())) {
		return session.Ticket{}, fmt.Errorf("%w: unreadable payload", ErrGarbage)
	}
	if p.Version != payloadVersion || p.Record <= 0 || p.Gen <= 0 || p.Gen > math.MaxInt32 {
		return session.Ticket{}, fmt.Errorf("%w: payload out of range", ErrGarbage)
	}
	return session.Ticket{Record: session.RecordID(p.Record), Gen: p.Gen, Category: category}, nil
}

// TaskID is the id under which asynq knows a ticket; shown in Asynqmon.
func TaskID(t session.Ticket) string { return fmt.Sprintf("r%d.%d", t.Record, t.Gen) }

// Open returns a client of the Redis that the URL names. A failing dial is
// tried a few times with pauses, so that asynq's fetch loop, which has none of
// its own, does not spin while Redis is away. The caller closes it.
func Open(url string) (redis.UniversalClient, error) {
	opt, err := Options(url)
	if err != nil {
		return nil, err
	}
	client, ok := opt.MakeRedisClient().(redis.UniversalClient)
	if !ok {
		return nil, errors.New("redis URL names no usable client")
	}
	return client, nil
}

// Client enqueues tickets and asks what became of them. Goroutines may share it.
type Client struct {
	redis  redis.UniversalClient
	client *asynq.Client
	ask    *asynq.Inspector
}

// NewClient returns a client on a Redis connection that stays the caller's.
func NewClient(r redis.UniversalClient) *Client {
	return &Client{redis: r, client: asynq.NewClientFromRedisClient(r), ask: asynq.NewInspectorFromRedisClient(r)}
}

const (
	enqueuers   = 64             // tasks enqueued at once
	taskTimeout = 24 * time.Hour // so that asynq never times work out for us
)

// Enqueue rings for every ticket. One that is there already counts as rung. It
// returns the first error of the others; their records stay queued in Postgres
// and the reconciler rings again.
func (c *Client) Enqueue(ctx context.Context, tickets []session.Ticket) error {
	var group errgroup.Group
	group.SetLimit(enqueuers)
	for _, t := range tickets {
		group.Go(func() error { return c.enqueue(ctx, t) })
	}
	return group.Wait()
}

func (c *Client) enqueue(ctx context.Context, t session.Ticket) error {
	body, err := json.Marshal(payload{Version: payloadVersion, Record: int64(t.Record), Gen: t.Gen})
	if err != nil {
		return fmt.Errorf("encode ticket: %w", err)
	}
	_, err = c.client.EnqueueContext(ctx, asynq.NewTask(taskType, body),
		asynq.TaskID(TaskID(t)), asynq.Queue(string(t.Category)), asynq.MaxRetry(0), asynq.Timeout(taskTimeout))
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
		return fmt.Errorf("enqueue %s: %w", TaskID(t), err)
	}
	return nil
}

// Waiting reports whether the ticket's task still waits in its queue. False
// means that no worker will get it by itself any more, or that one has it
// already: gone, active, archived.
func (c *Client) Waiting(ctx context.Context, t session.Ticket) (bool, error) {
	if ctx.Err() != nil { // asynq asks without one
		return false, fmt.Errorf("ask for task %s: %w", TaskID(t), context.Cause(ctx))
	}
	info, err := c.ask.GetTaskInfo(string(t.Category), TaskID(t))
	switch {
	case err == nil:
		return info.State == asynq.TaskStatePending, nil
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return false, nil
	}
	return false, fmt.Errorf("ask for task %s: %w", TaskID(t), err)
}

// Depth is how many tasks wait in the category's queue.
func (c *Client) Depth(_ context.Context, category session.Category) (int, error) {
	info, err := c.ask.GetQueueInfo(string(category))
	if err != nil {
		return 0, fmt.Errorf("ask for queue %s: %w", category, err)
	}
	return info.Pending, nil
}

// ClearArchive deletes the archived tasks of our queues: what a dead worker
// leaves there holds ids that nobody needs. It returns how many there were.
func (c *Client) ClearArchive(_ context.Context) (int, error) {
	queues, err := c.ask.Queues()
	if err != nil {
		return 0, fmt.Errorf("list queues: %w", err)
	}
	total := 0
	for _, q := range queues {
		if !slices.Contains(session.Categories(), session.Category(q)) {
			continue
		}
		n, err := c.ask.DeleteAllArchivedTasks(q)
		if err != nil {
			return total, fmt.Errorf("clear archive of %s: %w", q, err)
		}
		total += n
	}
	return total, nil
}

// Keys of ours in Redis, and asynq's own list of queues.
const (
	markerKey = "dbfleet:marker"
	queuesKey = "asynq:queues"
)

// LostMemory reports whether Redis has forgotten everything since the last
// call by anyone: its marker is gone. It then sets the marker. It registers the
// queues, which long-lived asynq clients do only once. Exactly one caller is told.
func (c *Client) LostMemory(ctx context.Context) (bool, error) {
	// First, and each time: a failure half way must not leave queues unknown.
	if err := c.registerQueues(ctx); err != nil {
		return false, err
	}
	set, err := c.redis.SetNX(ctx, markerKey, time.Now().UTC().Format(time.RFC3339), 0).Result()
	if err != nil {
		return false, fmt.Errorf("look for the marker in redis: %w", err)
	}
	return set, nil
}

func (c *Client) registerQueues(ctx context.Context) error {
	var names []any
	for _, category := range session.Categories() {
		names = append(names, string(category))
	}
	if err := c.redis.SAdd(ctx, queuesKey, names...).Err(); err != nil {
		return fmt.Errorf("register queues: %w", err)
	}
	return nil
}

// Ping asks Redis whether it is there.
func (c *Client) Ping(ctx context.Context) error {
	if err := c.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping redis: %w", err)
	}
	return nil
}

// Addrs returns the host:port of every Redis that the URL names, so that they
// can be kept out of reach of targets; none for one that cannot be read.
func Addrs(url string) []string {
	opt, err := Options(url)
	if err != nil {
		return nil
	}
	switch o := opt.(type) {
	case asynq.RedisClientOpt:
		if o.Network != "unix" {
			return []string{o.Addr}
		}
	case asynq.RedisFailoverClientOpt:
		return o.SentinelAddrs
	}
	return nil
}

// Describe is how Asynqmon shows a task's payload: ids only, the record's as the
// path of its page on the same address. What is not ours is not shown.
func Describe(taskType string, body []byte) string {
	t, err := decode(asynq.NewTask(taskType, body), "")
	if err != nil {
		return "not a task of dbfleet"
	}
	return fmt.Sprintf("/records/%d (dispatch %d)", t.Record, t.Gen)
}

// Options is how to reach the Redis that the URL names; Asynqmon asks for it in
// this form.
func Options(url string) (asynq.RedisConnOpt, error) {
	opt, err := asynq.ParseRedisURI(url)
	if err != nil {
		return nil, errors.New("redis URL cannot be read") // its text may hold a password
	}
	return opt, nil
}
