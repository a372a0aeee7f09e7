package queue

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestRepeatedLinesAreWrittenOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := newLogger(slog.New(slog.NewTextHandler(&out, nil)))
	for _, queue := range []string{"account", "config", "account"} {
		l.Error(`Failed to delete expired completed tasks from queue "`+queue+`": `, errors.New("refused"))
	}
	l.Error("Dequeue error: ", errors.New("refused"))
	redisLogger{l}.Printf(t.Context(), "sentinel: new master=%q", "main")
	redisLogger{l}.Printf(t.Context(), "connection pool: failed to dial after %d attempts", 5) // whoever dialled says it
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines were written, want one of each kind:\n%s", n, out.String())
	}
}
