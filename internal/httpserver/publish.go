package httpserver

import (
	"bytes"
	"compress/gzip"
	"net/http"

	"github.com/labstack/echo/v4"
)

// Publish answers GET on path with a text that everybody may read and that
// never changes. It is compressed once, and not again for everybody who asks.
// It is not for use while the server runs.
func (s *Server) Publish(path, mediaType string, text []byte) {
	zipped := zip(text)
	s.AllowAll(http.MethodGet, path)
	s.echo.GET(path, func(c echo.Context) error {
		if !takesGzip(c.Request().Header.Values(echo.HeaderAcceptEncoding)) {
			return c.Blob(http.StatusOK, mediaType, text)
		}
		c.Response().Header().Set(echo.HeaderContentEncoding, "gzip")
		return c.Blob(http.StatusOK, mediaType, zipped)
	})
}

func zip(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
