package mysql_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// An overheard relay keeps what a server says to whoever connects through it.
type overheard struct {
	mu   sync.Mutex // guards said
	said bytes.Buffer
}

// Write keeps a part of what was said.
func (o *overheard) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.Write(p)
}

func (o *overheard) contains(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Contains(o.said.Bytes(), []byte(text))
}

// relay passes a connection on to the server.
func (o *overheard) relay(addr string) collectortest.Handler {
	return func(ctx context.Context, c net.Conn) {
		server, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(server, c)
			_ = server.Close()
		}()
		_, _ = io.Copy(c, io.TeeReader(server, o))
		_ = c.Close()
		<-done
	}
}

// No hash leaves the server: neither by the view nor, where an account may read
// the table, from the table.
func TestNoHashIsSent(t *testing.T) {
	t.Parallel()
	s := startFleet(t)
	s.Exec(t, "", "CREATE USER broad IDENTIFIED BY '"+minimalPassword+"'", "GRANT SELECT ON mysql.* TO broad",
		"CREATE USER second@'%' IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('other-Pa55')")
	var hashes []string
	for _, line := range s.lines(t, "SELECT concat_ws(' ', JSON_VALUE(Priv, '$.authentication_string'), JSON_VALUE(Priv, '$.auth_or[1].authentication_string')) FROM mysql.global_priv") {
		hashes = append(hashes, strings.Fields(strings.ReplaceAll(line, "*", ""))...)
	}
	if len(hashes) < 4 {
		t.Fatalf("%d hashes on the server", len(hashes))
	}
	for _, name := range []string{minimalName, "broad"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heard overheard
			target := collectortest.Serve(t, heard.relay(s.Addr())).Target(fleet.TLSDisable)
			target.Username, target.Password = name, secret.New(minimalPassword)
			found, err := mysql.New(localDialer(t), nil).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
			if err != nil || len(found.Gaps) > 0 || !heard.contains("o'neil") {
				t.Fatalf("%v, gaps %+v", err, found.Gaps)
			}
			told := fmt.Sprintf("%+v", found)
			for i, hash := range hashes {
				if heard.contains(hash) || strings.Contains(told, hash) {
					t.Error("the server was asked for hash " + strconv.Itoa(i))
				}
			}
		})
	}
}
