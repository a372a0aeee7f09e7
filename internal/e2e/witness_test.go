package e2e

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// witness is a proxy in front of a target that judges for itself who is
// connected: it reads the application name from each connection's first
// message. While its gate is shut it holds connections before the login.
type witness struct {
	t        *testing.T
	listener net.Listener
	target   string

	mu    sync.Mutex // guards what follows
	gate  chan struct{}
	open  map[string]int // connections now, by instance
	most  map[string]int // connections at once, by instance
	seen  []sighting
	conns map[net.Conn]struct{}
}

// sighting is one connection that was opened.
type sighting struct {
	at      time.Time
	session string
	record  string // instance/attempt
}

func newWitness(t *testing.T, target string) *witness {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{
		t: t, listener: l, target: target, gate: make(chan struct{}),
		open: map[string]int{}, most: map[string]int{}, conns: map[net.Conn]struct{}{},
	}
	close(w.gate)
	go w.accept()
	t.Cleanup(w.close)
	return w
}

func (w *witness) port() int { return w.listener.Addr().(*net.TCPAddr).Port }

// shut holds connections that come from now on.
func (w *witness) shut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gate = make(chan struct{})
}

// letGo lets held connections pass.
func (w *witness) letGo() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.gate:
	default:
		close(w.gate)
	}
}

func (w *witness) close() {
	_ = w.listener.Close() // the test is over
	w.letGo()
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.conns {
		_ = conn.Close() // the test is over
	}
}

func (w *witness) accept() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.serve(conn)
	}
}

func (w *witness) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }() // whatever ended it
	w.mu.Lock()
	w.conns[conn] = struct{}{}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.conns, conn)
	}()
	first, app, err := readStartup(conn)
	if err != nil {
		return
	}
	gate, instance := w.arrive(app)
	defer w.leave(instance)
	// The client's end is noticed also while the gate is shut.
	l := &line{early: first}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		l.forward(conn)
	}()
	select {
	case <-gate:
		l.connect(conn, w.target, gone)
	case <-gone:
	}
}

// line is what a client sends on its way to the target.
type line struct {
	mu     sync.Mutex // guards what follows
	early  []byte     // sent while there was no target
	target net.Conn
}

// forward passes on what the client sends until it goes away.
func (l *line) forward(conn net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil || l.send(buf[:n]) != nil {
			return
		}
	}
}

func (l *line) send(data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.target == nil {
		l.early = append(l.early, data...)
		return nil
	}
	_, err := l.target.Write(data)
	return err
}

// connect brings the line to the target and the answers back until either end
// goes away.
func (l *line) connect(conn net.Conn, addr string, gone <-chan struct{}) {
	target, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer func() { _ = target.Close() }() // whatever ended it
	l.mu.Lock()
	_, err = target.Write(l.early)
	l.target = target
	l.mu.Unlock()
	if err != nil {
		return
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(conn, target) // either end may go away
	}()
	select {
	case <-gone:
	case <-back:
	}
}

// arrive notes a connection and returns the gate that it meets.
func (w *witness) arrive(app string) (<-chan struct{}, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	parts := strings.Split(app, "/")
	if len(parts) != 4 {
		return w.gate, "" // a request to cancel a query: it is no login
	}
	instance := parts[2]
	w.open[instance]++
	w.most[instance] = max(w.most[instance], w.open[instance])
	w.seen = append(w.seen, sighting{at: time.Now(), session: parts[1], record: parts[2] + "/" + parts[3]})
	return w.gate, instance
}

func (w *witness) leave(instance string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if instance != "" {
		w.open[instance]--
	}
}

// connected is how many connections are open now.
func (w *witness) connected() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, open := range w.open {
		n += open
	}
	return n
}

// crowded returns the most connections that one instance had at once.
func (w *witness) crowded() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	most := 0
	for _, n := range w.most {
		most = max(most, n)
	}
	return most
}

// after returns how many connections were opened later than at.
func (w *witness) after(at time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.seen {
		if s.at.After(at) {
			n++
		}
	}
	return n
}

const maxStartup = 10_000

// readStartup reads the first message of a PostgreSQL client and returns it
// with the application name in it.
func readStartup(conn net.Conn) (message []byte, app string, err error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil, "", err
	}
	size := binary.BigEndian.Uint32(head)
	if size < 8 || size > maxStartup {
		return nil, "", errors.New("no startup message")
	}
	rest := make([]byte, size-8)
	if _, err := io.ReadFull(conn, rest); err != nil {
		return nil, "", err
	}
	words := strings.Split(string(rest), "\x00")
	for i := 0; i+1 < len(words); i += 2 {
		if words[i] == "application_name" {
			app = words[i+1]
		}
	}
	return slices.Concat(head, rest), app, nil
}
