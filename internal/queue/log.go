package queue

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// logger passes on what asynq and the Redis client have to say, each kind of
// line at most once in a while: with Redis away they repeat themselves many
// times a second.
type logger struct {
	log *slog.Logger

	mu   sync.Mutex // guards last
	last map[string]time.Time
}

const (
	repeatAfter = 5 * time.Second
	maxKinds    = 100
)

func newLogger(log *slog.Logger) *logger {
	return &logger{log: log, last: map[string]time.Time{}}
}

// LogTo sends the lines of the Redis client to log, instead of standard error.
// It is for the start of a process: the client knows one logger for all.
func LogTo(log *slog.Logger) { redis.SetLogger(redisLogger{newLogger(log)}) }

func (l *logger) write(ctx context.Context, level slog.Level, library, text string) {
	if l.due(kind(text)) {
		l.log.Log(ctx, level, "queue library", "library", library, "text", text)
	}
}

// asynq writes a line of asynq's, which gives its logger no context.
func (l *logger) asynq(level slog.Level, args []any) {
	l.write(context.Background(), level, "asynq", fmt.Sprint(args...)) //nolint:forbidigo // see above
}

// kind is the part of a line that does not change: what stands before the
// first name, number or reason.
func kind(text string) string {
	if end := strings.IndexAny(text, "\":0123456789"); end >= 0 {
		return text[:end]
	}
	return text
}

// due reports whether no line of the kind was written a moment ago.
func (l *logger) due(kind string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.last[kind]) < repeatAfter {
		return false
	}
	if len(l.last) >= maxKinds {
		clear(l.last)
	}
	l.last[kind] = time.Now()
	return true
}

// Debug implements asynq.Logger.
func (l *logger) Debug(args ...any) { l.asynq(slog.LevelDebug, args) }

// Info implements asynq.Logger; asynq's start and stop notes are for debugging.
func (l *logger) Info(args ...any) { l.asynq(slog.LevelDebug, args) }

// Warn implements asynq.Logger.
func (l *logger) Warn(args ...any) { l.asynq(slog.LevelWarn, args) }

// Error implements asynq.Logger.
func (l *logger) Error(args ...any) { l.asynq(slog.LevelError, args) }

// Fatal implements asynq.Logger, which calls it before it gives up at start.
func (l *logger) Fatal(args ...any) { l.asynq(slog.LevelError, args) }

// redisLogger is a logger in the form that the Redis client wants.
type redisLogger struct{ *logger }

// Printf writes one line of the client's; they are about connections. A dial
// that failed is for debugging: the call that needed it returns the reason, and
// a process that waits for Redis says so in one line.
func (l redisLogger) Printf(ctx context.Context, format string, args ...any) {
	level := slog.LevelWarn
	if strings.Contains(format, "failed to dial") {
		level = slog.LevelDebug
	}
	l.write(ctx, level, "go-redis", fmt.Sprintf(format, args...))
}
