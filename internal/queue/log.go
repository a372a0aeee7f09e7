package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// logger passes asynq's lines on, each text at most once in a while: with Redis
// away, asynq repeats itself many times a second.
type logger struct {
	log *slog.Logger

	mu   sync.Mutex // guards last
	last map[string]time.Time
}

const (
	repeatAfter = 5 * time.Second
	maxTexts    = 100
)

func newLogger(log *slog.Logger) *logger {
	return &logger{log: log, last: map[string]time.Time{}}
}

func (l *logger) write(level slog.Level, args []any) {
	if text := fmt.Sprint(args...); l.due(text) {
		l.log.Log(context.Background(), //nolint:forbidigo // asynq gives its logger none
			level, "asynq", "text", text)
	}
}

// due reports whether the text was not written a moment ago.
func (l *logger) due(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.last[text]) < repeatAfter {
		return false
	}
	if len(l.last) >= maxTexts {
		clear(l.last)
	}
	l.last[text] = time.Now()
	return true
}

// Debug implements asynq.Logger.
func (l *logger) Debug(args ...any) { l.write(slog.LevelDebug, args) }

// Info implements asynq.Logger; asynq's start and stop notes are for debugging.
func (l *logger) Info(args ...any) { l.write(slog.LevelDebug, args) }

// Warn implements asynq.Logger.
func (l *logger) Warn(args ...any) { l.write(slog.LevelWarn, args) }

// Error implements asynq.Logger.
func (l *logger) Error(args ...any) { l.write(slog.LevelError, args) }

// Fatal implements asynq.Logger, which calls it before it gives up at start.
func (l *logger) Fatal(args ...any) { l.write(slog.LevelError, args) }
