package httpserver

import (
	"strings"

	"github.com/labstack/echo/v4"
)

// A Reply writes an error as the clients of some paths read it; status and code
// are those of the table. Headers such as Retry-After are set already.
type Reply = func(c echo.Context, status int, code string) error

// replies is which paths have errors of another form than problem documents.
type replies []struct {
	prefix string
	write  Reply
}

// ReplyBelow lets write answer every error on a path that begins with prefix,
// those of login and limits included. It is not for use while the server runs.
func (s *Server) ReplyBelow(prefix string, write Reply) {
	s.replies = append(s.replies, struct {
		prefix string
		write  Reply
	}{prefix, write})
}

// reply writes p in the form that belongs to the path.
func (s *Server) reply(c echo.Context, p problem) error {
	for _, r := range s.replies {
		if strings.HasPrefix(c.Request().URL.Path, r.prefix) {
			return r.write(c, p.Status, p.Code)
		}
	}
	return writeProblem(c, p)
}
