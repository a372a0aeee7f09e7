package httpserver

import (
	"context"
	"net/http"
)

// serveHead answers HEAD with what GET would answer: net/http leaves out the
// body by itself. A stream of events ends with its header, for nobody would
// ever see an event of it.
func (s *Server) serveHead(w http.ResponseWriter, r *http.Request) {
	ctx, end := context.WithCancel(r.Context())
	defer end()
	asGet := r.WithContext(ctx)
	asGet.Method = http.MethodGet
	s.echo.ServeHTTP(&headWriter{ResponseWriter: w, end: end}, asGet)
}

type headWriter struct {
	http.ResponseWriter
	end func()
}

// Unwrap is for http.ResponseController.
func (w *headWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *headWriter) WriteHeader(status int) {
	w.ResponseWriter.WriteHeader(status)
	if isStream(w.Header()) {
		w.end()
	}
}
