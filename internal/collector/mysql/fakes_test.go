package mysql_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
)

func fakes() collectortest.Fakes {
	return collectortest.Fakes{
		NoTLS:       func(_ context.Context, c net.Conn) { greetAndHear(c, withoutTLS) },
		HangTLS:     func(_ context.Context, c net.Conn) { greetAndHear(c, withTLS) },
		HangLogin:   func(_ context.Context, c net.Conn) { greetAndHear(c, withoutTLS) },
		HangQuery:   func(_ context.Context, c net.Conn) { serve(c, func(*wire, string) {}) },
		Unsupported: func(_ context.Context, c net.Conn) { serve(c, tellVersion("5.5.62", "old")) },
		Endless:     func(_ context.Context, c net.Conn) { serve(c, endless) },
	}
}

// Capabilities of a server, as the protocol numbers them.
const (
	withoutTLS = 1<<0 | 1<<2 | 1<<3 | 1<<9 | 1<<15 | 1<<19 | 1<<20 // long password, long flag, database, 4.1, secure, plugins, attributes
	withTLS    = withoutTLS | 1<<11
)

// A wire writes packets.
type wire struct {
	c        net.Conn
	sequence byte
	err      error
}

func (w *wire) packet(payload []byte) {
	if w.err != nil {
		return
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	head[3] = w.sequence
	w.sequence++
	_, w.err = w.c.Write(append(head, payload...))
}

// hear reads a packet.
func (w *wire) hear() ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(w.c, head); err != nil {
		return nil, err
	}
	w.sequence = head[3] + 1
	payload := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	_, err := io.ReadFull(w.c, payload)
	return payload, err
}

func greeting(capabilities uint32) []byte { return greetingFor(capabilities, "mysql_native_password") }

func greetingFor(capabilities uint32, plugin string) []byte {
	b := append([]byte{10}, "8.0.36\x00"...)
	b = append(b, 1, 0, 0, 0)        // connection
	b = append(b, "12345678\x00"...) // scramble
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities))
	b = append(b, 45, 2, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities>>16))
	b = append(b, 21)
	b = append(b, make([]byte, 10)...)
	b = append(b, "123456789012\x00"...)
	return append(b, plugin+"\x00"...)
}

func greetAndHear(c net.Conn, capabilities uint32) {
	w := &wire{c: c}
	w.packet(greeting(capabilities))
	_, _ = io.Copy(io.Discard, c)
}

// serve accepts a login, answers each SET with success, and gives each query to
// answer.
func serve(c net.Conn, answer func(*wire, string)) {
	w := &wire{c: c}
	w.packet(greeting(withoutTLS))
	if _, err := w.hear(); err != nil {
		return
	}
	w.ok()
	w.serve(answer)
}

// serve answers each SET with success and gives each query to answer.
func (w *wire) serve(answer func(*wire, string)) {
	for w.err == nil {
		command, err := w.hear()
		if err != nil || len(command) == 0 || command[0] != 3 {
			return
		}
		query := strings.TrimSpace(string(command[1:]))
		if strings.HasPrefix(query, "SET ") {
			w.ok()
			continue
		}
		answer(w, query)
	}
}

func (w *wire) ok() { w.packet([]byte{0, 0, 0, 2, 0, 0, 0}) }

func (w *wire) end() { w.packet([]byte{0xfe, 0, 0, 2, 0}) }

// refuse answers with an error.
func (w *wire) refuse(number uint16, words string) {
	b := binary.LittleEndian.AppendUint16([]byte{0xff}, number)
	w.packet(append(b, "#42000"+words...))
}

// begin announces columns of text.
func (w *wire) begin(columns int) {
	w.packet([]byte{byte(columns)})
	for range columns {
		b := appendText(nil, "def")
		for range 5 {
			b = appendText(b, "c")
		}
		b = append(b, 0x0c, 45, 0, 0, 1, 0, 0, 0xfd, 0, 0, 0, 0, 0)
		w.packet(b)
	}
	w.end()
}

// null stands for NULL in row.
const null = "\x00NULL"

func (w *wire) row(values ...string) {
	var b []byte
	for _, v := range values {
		if v == null {
			b = append(b, 0xfb)
			continue
		}
		b = appendText(b, v)
	}
	w.packet(b)
}

// reply sends a whole result.
func (w *wire) reply(columns int, rows ...[]string) {
	w.begin(columns)
	for _, r := range rows {
		w.row(r...)
	}
	w.end()
}

func appendText(b []byte, s string) []byte {
	if len(s) < 0xfb {
		return append(append(b, byte(len(s))), s...)
	}
	b = append(b, 0xfd, byte(len(s)), byte(len(s)>>8), byte(len(s)>>16))
	return append(b, s...)
}

func tellVersion(version, comment string) func(*wire, string) {
	return func(w *wire, _ string) { w.reply(2, []string{version, comment}) }
}

// endless knows its version and identity and has accounts without end.
func endless(w *wire, query string) {
	switch {
	case strings.Contains(query, "VERSION()"):
		w.reply(2, []string{"10.11.6-MariaDB", ""})
	case strings.Contains(query, "account_state"):
		w.begin(20)
		for i := 0; w.err == nil; i++ {
			w.row("h", strings.Repeat("x", 1<<15)+strconv.Itoa(i), "0", "0", null, null, null, null, null, null, null, null, null,
				null, null, null, null, null, null, null)
		}
	default:
		w.reply(1, []string{"0"})
	}
}
