package netguard_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/netguard"
)

func TestConnectTimeoutHasItsName(t *testing.T) {
	t.Parallel()
	addr := fmt.Sprintf("127.0.0.1:%d", collectortest.Unaccepting(t))
	j := newJob(t, netguard.Dialer{Policy: policy(t, addr), ConnectTimeout: 50 * time.Millisecond})
	_, err := j.DialContext(t.Context(), "tcp", addr)
	if netguard.Classify(err) != netguard.Timeout || !strings.Contains(err.Error(), "no connection within 50ms") {
		t.Errorf("err = %v", err)
	}
	if ne := net.Error(nil); !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("not a timeout to drivers: %v", err)
	}
	if j.Open() != 0 {
		t.Errorf("%d open", j.Open())
	}
}

func TestEndOfTheJobGivesUpConnecting(t *testing.T) {
	t.Parallel()
	addr := fmt.Sprintf("127.0.0.1:%d", collectortest.Unaccepting(t))
	d := netguard.Dialer{Policy: policy(t, addr), ConnectTimeout: time.Minute}
	ctx, cancel := context.WithCancelCause(t.Context())
	j := d.Job(ctx)
	defer func() { _ = j.Close() }()
	dialled := make(chan error)
	go func() { _, err := j.DialContext(context.Background(), "tcp", addr); dialled <- err }()
	reason := errors.New("shutting down")
	cancel(reason)
	if err := <-dialled; !errors.Is(err, reason) || netguard.Classify(err) != netguard.Other {
		t.Errorf("err = %v, want the cause", err)
	}
}
