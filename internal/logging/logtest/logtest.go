// Package logtest keeps what was logged, for tests.
package logtest

import (
	"bytes"
	"sync"
)

// Book is what a log is written to and read from. The zero value is empty;
// goroutines may share it.
type Book struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

// Write adds to the book. It never fails.
func (b *Book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String is all that was written.
func (b *Book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
