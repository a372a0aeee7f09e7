package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"github.com/dbfleet/dbfleet/internal/secret"
)

const canary = "CANARY-7f3a9c"

type holder struct {
	Exported secret.Text
	hidden   secret.Text
	pointer  *secret.Text
	list     []secret.Text
	table    map[string]secret.Text
	any      any
}

func newHolder() holder {
	t := secret.New(canary)
	return holder{t, t, &t, []secret.Text{t}, map[string]secret.Text{"k": t}, t}
}

func wantNoCanary(t *testing.T, how, out string) {
	t.Helper()
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("%d", []byte(canary))} {
		if strings.Contains(out, form) {
			t.Errorf("%s shows the secret: %s", how, out)
		}
	}
}

func TestNoVerbPrintsText(t *testing.T) {
	t.Parallel()
	text := secret.New(canary)
	h := newHolder()
	for _, verb := range strings.Split("v s q x X d c U b o e f g t p T w", " ") {
		for _, flag := range []string{"", "+", "#", " ", "0", "20", ".3", "-"} {
			format := "%" + flag + verb
			for _, value := range []any{text, &text, h, &h, []any{text}, struct{ s secret.Text }{text}} {
				wantNoCanary(t, format, fmt.Sprintf(format, value))
			}
		}
	}
	for _, out := range []string{fmt.Sprint(text), text.String(), text.GoString(), fmt.Sprintf("%#v", text)} {
		if out != secret.Redacted {
			t.Errorf("prints as %q, want %q", out, secret.Redacted)
		}
	}
	wantNoCanary(t, "error", fmt.Errorf("with %v and %+v: %w", text, h, errors.New("x")).Error())
}

func TestNoEncoderWritesText(t *testing.T) {
	t.Parallel()
	h := newHolder()
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(map[string]any{"h": h, "t": h.Exported, "p": h.pointer}); err != nil {
		t.Fatal(err)
	}
	if err := xml.NewEncoder(&out).Encode(h.Exported); err != nil {
		t.Fatal(err)
	}
	_ = gob.NewEncoder(&out).Encode(h.Exported) // may refuse; must not write it
	_ = gob.NewEncoder(&out).Encode(h)
	if err := template.Must(template.New("").Parse("{{.}} {{.Exported}}")).Execute(&out, h); err != nil {
		t.Fatal(err)
	}
	wantNoCanary(t, "encoder", out.String())
	if _, err := h.Exported.Value(); err == nil {
		t.Error("an unsealed secret can be stored")
	}
}

func TestNoLogHandlerWritesText(t *testing.T) {
	t.Parallel()
	h := newHolder()
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(handler).With("t", h.Exported)
		log.Info("m", "t", h.Exported, "p", h.pointer, "h", h, "hp", &h, slog.Group("g", "t", h.Exported))
	}
	wantNoCanary(t, "slog", out.String())
	if n := strings.Count(out.String(), secret.Redacted); n < 6 {
		t.Errorf("redacted %d times, want at least 6: %s", n, &out)
	}
}

func TestTextRevealsWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	var zero, decoded secret.Text
	if !zero.IsZero() || zero.Reveal() != "" || !secret.New("").IsZero() {
		t.Error("the zero value is not the empty text")
	}
	if err := json.Unmarshal([]byte(`"`+canary+`"`), &decoded); err != nil {
		t.Fatal(err)
	}
	if decoded.Reveal() != canary || decoded.IsZero() {
		t.Error("decoded text is not the one sent")
	}
	if !decoded.Equal(secret.New(canary)) || decoded.Equal(zero) {
		t.Error("Equal does not compare the texts")
	}
}
