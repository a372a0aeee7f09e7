package netguard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/dbfleet/dbfleet/internal/netguard"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	op := func(err error) error {
		return fmt.Errorf("read accounts: %w", &net.OpError{Op: "dial", Net: "tcp", Err: &os.SyscallError{Syscall: "connect", Err: err}})
	}
	tests := []struct {
		name string
		err  error
		want netguard.Kind
	}{
		{"nothing", nil, netguard.Other},
		{"an error of a driver", errors.New("syntax error"), netguard.Other},
		{"refused", op(syscall.ECONNREFUSED), netguard.Refused},
		{"no host", op(syscall.EHOSTUNREACH), netguard.NoRoute},
		{"no network", op(syscall.ENETUNREACH), netguard.NoRoute},
		{"kernel's timeout", op(syscall.ETIMEDOUT), netguard.Timeout},
		{"reset", op(syscall.ECONNRESET), netguard.Reset},
		{"broken pipe", op(syscall.EPIPE), netguard.Reset},
		{"closed in a message", fmt.Errorf("x: %w", io.ErrUnexpectedEOF), netguard.Reset},
		{"closed", io.EOF, netguard.Reset},
		{"deadline of a socket", os.ErrDeadlineExceeded, netguard.Timeout},
		{"deadline of a context", context.DeadlineExceeded, netguard.Timeout},
		{"cancelled", context.Canceled, netguard.Other},
		{"no such name", &net.DNSError{IsNotFound: true}, netguard.NameUnknown},
		{"name server is silent", &net.DNSError{IsTimeout: true}, netguard.NameTemporary},
		{"name server fails", &net.DNSError{IsTemporary: true}, netguard.NameTemporary},
		{"job over its deadline", fmt.Errorf("%w: %w: %w", netguard.ErrJobEnded, context.DeadlineExceeded, net.ErrClosed), netguard.Timeout},
		{"job cancelled", fmt.Errorf("%w: %w: %w", netguard.ErrJobEnded, context.Canceled, io.EOF), netguard.Other},
		{"dialling was refused", &netguard.DialError{Addr: "a:1", Err: op(syscall.ECONNREFUSED)}, netguard.Refused},
		{"dialling took too long", &netguard.DialError{Addr: "a:1", Err: context.DeadlineExceeded}, netguard.Timeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := netguard.Classify(tt.err); got != tt.want {
				t.Errorf("Classify(%v) = %q, want %q", tt.err, got, tt.want)
			}
		})
	}
}
