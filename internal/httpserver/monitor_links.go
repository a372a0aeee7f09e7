package httpserver

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"path"
	"strings"
)

// serveLinked lets Asynqmon answer, and puts the links onto its page: it has no
// place for them of its own. Calls and files are passed on as they are.
func serveLinked(queues http.Handler, links []Link, w http.ResponseWriter, r *http.Request) {
	if len(links) == 0 || strings.HasPrefix(r.URL.Path, queuesRoot+"/api") || path.Ext(r.URL.Path) != "" {
		queues.ServeHTTP(w, r)
		return
	}
	p := &heldPage{header: w.Header(), status: http.StatusOK}
	queues.ServeHTTP(p, r)
	w.WriteHeader(p.status)
	_, _ = w.Write(withBar(p.body.Bytes(), bar(links))) // the caller has gone: nobody is left to tell
}

// heldPage keeps an answer of a few kilobytes until it has been changed.
type heldPage struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (p *heldPage) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *heldPage) WriteHeader(status int) { p.status = status }

// Write implements http.ResponseWriter.
func (p *heldPage) Write(b []byte) (int, error) { return p.body.Write(b) }

// withBar puts the bar at the page's end; a page without one stays as it is.
func withBar(page []byte, bar string) []byte {
	at := bytes.LastIndex(page, []byte("</body>"))
	if at < 0 {
		return page
	}
	return append(append(bytes.Clone(page[:at]), bar...), page[at:]...)
}

// bar is a line at the lower edge, over whatever Asynqmon shows there.
func bar(links []Link) string {
	var b strings.Builder
	b.WriteString(`<nav style="position:fixed;right:0;bottom:0;z-index:9999;padding:6px 12px;background:#14171a;` +
		`font:14px/1.4 system-ui,sans-serif;border-top-left-radius:6px">`)
	for _, l := range links {
		fmt.Fprintf(&b, `<a href="%s" style="color:#8ab4f8;margin:0 6px">%s</a>`, html.EscapeString(l.Path), html.EscapeString(l.Text))
	}
	b.WriteString("</nav>")
	return b.String()
}
