package user

import "context"

// Actor is who a request comes from. The zero value is the system itself.
type Actor struct {
	User
	RequestID  string
	RemoteAddr string
}

type actorKey struct{}

// WithActor returns a context that carries a.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom returns the actor that ctx carries, or the system.
func ActorFrom(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Actor{User: User{Name: "system", Role: Admin}}
}
