package httpserver

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// compress answers with gzip when the caller takes it and the answer is over
// 1 KiB. Echo's own middleware decides before the handler runs, when it cannot
// know that the answer is a stream of events, which must arrive one by one.
func compress(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
		if !takesGzip(c.Request().Header.Values(echo.HeaderAcceptEncoding)) {
			return next(c)
		}
		w := &gzipWriter{ResponseWriter: c.Response().Writer}
		c.Response().Writer = w
		defer func() { c.Response().Writer = w.ResponseWriter }()
		err := next(c)
		if closeErr := w.close(); err == nil {
			err = closeErr
		}
		return err
	}
}

// takesGzip reads Accept-Encoding; gzip;q=0 refuses it.
func takesGzip(headers []string) bool {
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
			if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				continue
			}
			q, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(weight), " ", ""), "q=")
			value, err := strconv.ParseFloat(q, 64)
			return !ok || err != nil || value > 0
		}
	}
	return false
}

const minGzipBytes = 1 << 10

// gzipWriter holds an answer back until it knows whether it is long enough. A
// flush before that means that the answer is a stream, which is sent as it is.
type gzipWriter struct {
	http.ResponseWriter
	status  int
	held    []byte
	decided bool
	zip     *gzip.Writer // nil: as it is
}

// Unwrap is for http.ResponseController.
func (w *gzipWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *gzipWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *gzipWriter) Write(p []byte) (int, error) {
	if !w.decided {
		w.held = append(w.held, p...)
		if len(w.held) < minGzipBytes && !w.asItIs() {
			return len(p), nil
		}
		if err := w.decide(!w.asItIs()); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return w.body().Write(p)
}

// isStream reports whether an answer is a stream of events.
func isStream(h http.Header) bool {
	return strings.HasPrefix(h.Get(echo.HeaderContentType), "text/event-stream")
}

// asItIs reports whether the answer must not be compressed, or is already.
func (w *gzipWriter) asItIs() bool {
	return isStream(w.Header()) || w.Header().Get(echo.HeaderContentEncoding) != ""
}

func (w *gzipWriter) body() io.Writer {
	if w.zip != nil {
		return w.zip
	}
	return w.ResponseWriter
}

// decide sends the header and what was held back.
func (w *gzipWriter) decide(zipped bool) error {
	w.decided = true
	if zipped {
		w.Header().Set(echo.HeaderContentEncoding, "gzip")
		w.Header().Del(echo.HeaderContentLength)
		w.zip = gzip.NewWriter(w.ResponseWriter)
	}
	if w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
	}
	held := w.held
	w.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := w.body().Write(held)
	return err
}

// FlushError implements what http.ResponseController looks for.
func (w *gzipWriter) FlushError() error {
	if !w.decided {
		if err := w.decide(false); err != nil {
			return err
		}
	}
	if w.zip != nil {
		if err := w.zip.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (w *gzipWriter) Flush() { _ = w.FlushError() } // the next write tells

func (w *gzipWriter) close() error {
	if !w.decided {
		return w.decide(false)
	}
	if w.zip != nil {
		return w.zip.Close()
	}
	return nil
}
