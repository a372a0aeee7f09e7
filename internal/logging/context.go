package logging

import (
	"context"
	"log/slog"
	"slices"
)

type contextKey struct{}

// With returns a context whose log lines carry attrs too, when they are written
// with the …Context methods of a logger made by New. An attribute replaces an
// earlier one of the same key.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	all := slices.Clone(carried(ctx))
	for _, a := range attrs {
		all = slices.DeleteFunc(all, func(old slog.Attr) bool { return old.Key == a.Key })
		all = append(all, a)
	}
	return context.WithValue(ctx, contextKey{}, all)
}

func carried(ctx context.Context) []slog.Attr {
	attrs, _ := ctx.Value(contextKey{}).([]slog.Attr)
	return attrs
}

// handler adds what the context carries. In a logger with a group they are
// written inside it.
type handler struct{ slog.Handler }

// Handle writes r with the context's attributes; the line's own win.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	attrs := carried(ctx)
	if len(attrs) == 0 {
		return h.Handler.Handle(ctx, r)
	}
	r = r.Clone()
	own := map[string]bool{}
	r.Attrs(func(a slog.Attr) bool { own[a.Key] = true; return true })
	for _, a := range attrs {
		if !own[a.Key] {
			r.AddAttrs(a)
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the wrapping, which the embedded method would lose.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the wrapping, which the embedded method would lose.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
