package client

import (
	"context"
	"net/http"
)

// Bearer returns an editor that sends token with every request.
func Bearer(token string) RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
}

// Error returns what a person should read, so that a Problem can be handed on
// as an error.
func (p Problem) Error() string {
	if p.Detail != nil && *p.Detail != "" {
		return *p.Detail
	}
	return p.Title
}
