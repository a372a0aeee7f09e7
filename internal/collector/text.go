package collector

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const (
	// maxFieldBytes bounds one value; what is longer ends with cutMark.
	maxFieldBytes = 64 << 10
	cutMark       = "…"
)

// Clean returns a server's value as valid UTF-8 without NUL, which neither our
// database nor JSON would take, and cuts it after 64 KiB. A database without an
// encoding may hold any bytes.
func Clean(b []byte) string {
	cut := len(b) > maxFieldBytes
	if cut {
		b = b[:maxFieldBytes]
	}
	if !cut && utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 {
		return string(b)
	}
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	if cut {
		s += cutMark
	}
	return s
}
