package main

import (
	"bytes"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// echo answers every connection with what it sends, until it has sent all.
func echo(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the test is over
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn) // either end may go away
				_ = conn.Close()           // the test is over
			}()
		}
	}()
	return l
}

func TestLinkPassesOnEverythingAndSeesTheConnectionEnd(t *testing.T) {
	t.Parallel()
	for _, trip := range []time.Duration{0, 2 * time.Millisecond} {
		k, err := newLink(t.Context(), echo(t).Addr().String(), trip)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(k.close)
		conn, err := net.Dial("tcp", k.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
		go func() { _, _ = conn.Write(sent) }() // the reader sees what is missing
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("trip %s: %v", trip, err)
		}
		if open, opened, _ := k.seen(); open != 1 || opened.IsZero() {
			t.Errorf("%d connections open, opened %s", open, opened)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		k.close() // waits for the connections
		if open, _, closed := k.seen(); open != 0 || closed.IsZero() {
			t.Errorf("%d connections open, closed %s", open, closed)
		}
	}
}

func TestLinkDoesNotCountACancelRequest(t *testing.T) {
	t.Parallel()
	k, err := newLink(t.Context(), echo(t).Addr().String(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	conn, err := net.Dial("tcp", k.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sent := append(slices.Clone(cancelRequest), 0, 0, 0, 1, 0, 0, 0, 2)
	if _, err := conn.Write(sent); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, len(sent))); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	k.close()
	if open, opened, closed := k.seen(); open != 0 || !opened.IsZero() || !closed.IsZero() {
		t.Errorf("%d open, opened %s, closed %s", open, opened, closed)
	}
}
