package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/logging"
	"github.com/dbfleet/dbfleet/internal/secret"
)

const canary = "CANARY-90be"

// line returns the last JSON line of out.
func line(tb testing.TB, out *bytes.Buffer) map[string]any {
	tb.Helper()
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	var m map[string]any
	if err := json.Unmarshal(lines[len(lines)-1], &m); err != nil {
		tb.Fatalf("%v in %s", err, out)
	}
	return m
}

func TestAttributesOfTheContextAreWritten(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := logging.New(&out, logging.Auto, slog.LevelInfo).With(logging.Module, "runner")
	session := logging.With(t.Context(), slog.Int64(logging.SessionID, 7), slog.String(logging.Instance, "a"))
	record := logging.With(session, slog.Int64(logging.RecordID, 9), slog.String(logging.Instance, "b"))

	log.InfoContext(record, "record synced", "result", "completed")
	got := line(t, &out)
	for key, want := range map[string]any{"module": "runner", "session_id": 7., "record_id": 9., "instance": "b", "result": "completed", "msg": "record synced"} {
		if got[key] != want {
			t.Errorf("%s = %v, want %v", key, got[key], want)
		}
	}
	log.InfoContext(session, "x")
	if got := line(t, &out); got["instance"] != "a" || got["record_id"] != nil {
		t.Errorf("the outer context has changed: %v", got)
	}
}

func TestAttributeOfTheLineWinsOverTheContext(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ctx := logging.With(t.Context(), slog.String(logging.Instance, "context"))
	logging.New(&out, logging.JSON, slog.LevelInfo).InfoContext(ctx, "x", logging.Instance, "line")
	if n := strings.Count(out.String(), `"instance"`); n != 1 || line(t, &out)["instance"] != "line" {
		t.Errorf("written %d times: %s", n, &out)
	}
}

func TestFormatsAndLevels(t *testing.T) {
	t.Parallel()
	var asJSON, asTint bytes.Buffer
	logging.New(&asJSON, "", slog.LevelWarn).Info("quiet")
	if asJSON.Len() != 0 {
		t.Errorf("below its level: %s", &asJSON)
	}
	logging.New(&asJSON, "", slog.LevelWarn).Warn("loud")
	if line(t, &asJSON)["level"] != "WARN" {
		t.Errorf("line: %s", &asJSON)
	}
	logging.New(&asTint, logging.Tint, slog.LevelInfo).WithGroup("g").Info("seen", "a", 1)
	if got := asTint.String(); !strings.Contains(got, "INF seen g.a=1") || strings.Contains(got, "\x1b") {
		t.Errorf("tint without a terminal: %q", got)
	}
}

// driverError prints like the errors of drivers that repeat their DSN.
type driverError struct{ dsn string }

func (e *driverError) Error() string { return "cannot parse " + e.dsn }

func TestNoLineShowsASecret(t *testing.T) {
	t.Parallel()
	for _, format := range []logging.Format{logging.JSON, logging.Tint} {
		var out bytes.Buffer
		log := logging.New(&out, format, slog.LevelInfo).With("api_token", canary)
		ctx := logging.With(t.Context(), slog.String("password", canary))
		log.ErrorContext(ctx, "x",
			"t", secret.New(canary), "Password", canary, //nolint:sloglint // what others write is redacted too
			"client_secret", []byte(canary), "dsn", "u:"+canary,
			slog.Group("cookie", "value", canary), slog.Group("g", slog.Group("h", "pgPassword", canary)), //nolint:sloglint // the same
			logging.Err, fmt.Errorf("open: %w", &driverError{"postgres://u:" + canary + "@h/db"}),
			"cause", &driverError{"user=x password=" + canary})
		log.WithGroup("token").Info("x", "v", canary)
		if strings.Contains(out.String(), canary) || strings.Contains(out.String(), "Q0FOQVJZ") {
			t.Errorf("%s shows a secret: %s", format, &out)
		}
	}
}

func TestIdsOfSecretsAndPlainErrorsStayReadable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := logging.New(&out, logging.JSON, slog.LevelInfo)
	log.Info("x", "token_id", 5, "credential_id", 6, logging.Err, errors.New("connection refused"), "nothing", nil)
	got := line(t, &out)
	if got["token_id"] != 5. || got["credential_id"] != 6. || got["err"] != "connection refused" || got["nothing"] != nil {
		t.Errorf("line: %s", &out)
	}
}

func TestLineStaysOneLine(t *testing.T) {
	t.Parallel()
	for _, format := range []logging.Format{logging.JSON, logging.Tint} {
		var out bytes.Buffer
		logging.New(&out, format, slog.LevelInfo).Info("x", "name", "a\n{\"level\":\"ERROR\"}")
		if n := strings.Count(out.String(), "\n"); n != 1 {
			t.Errorf("%s: %d lines: %q", format, n, &out)
		}
	}
}

func TestFailedWriterIsIgnored(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	for _, broken := range []io.Writer{w, failing{}} {
		for _, format := range []logging.Format{logging.JSON, logging.Tint} {
			logging.New(broken, format, slog.LevelInfo).InfoContext(context.Background(), "lost")
		}
	}
	_ = w.Close()
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestStackShowsWhoPanicked(t *testing.T) {
	t.Parallel()
	var stack slog.Attr
	func() {
		defer func() { _ = recover(); stack = logging.StackAttr() }()
		explode()
	}()
	if stack.Key != logging.Stack || !strings.Contains(stack.Value.String(), "logging_test.explode") {
		t.Errorf("%s = %s", stack.Key, stack.Value)
	}
}

func explode() { panic("boom") }
