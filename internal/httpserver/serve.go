package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Timeouts bound how long a connection may take for what. Zero fields have the
// value that is named with them.
type Timeouts struct {
	Header   time.Duration // to send the header of a request: 5 s
	Request  time.Duration // to send a request with its body: 30 s
	Upload   time.Duration // the same where LimitBody has said more than 1 MiB: 5 min
	Work     time.Duration // our work on a request: 30 s
	Answer   time.Duration // from the header's end to the answer's end: 60 s
	Idle     time.Duration // between two requests: 2 min
	Token    time.Duration // between two looks at the token of a stream: 12 s
	Shutdown time.Duration // for requests under way when the server is to end: 10 s
}

func or(given, otherwise time.Duration) time.Duration {
	if given > 0 {
		return given
	}
	return otherwise
}

func (t Timeouts) work() time.Duration { return or(t.Work, 30*time.Second) }

func (t Timeouts) answer() time.Duration { return or(t.Answer, time.Minute) }

func (t Timeouts) upload() time.Duration { return or(t.Upload, 5*time.Minute) }

func (t Timeouts) token() time.Duration { return or(t.Token, 12*time.Second) }

// serve runs handler with the limits that every server of ours has.
func serve(ctx context.Context, l net.Listener, handler http.Handler, log *slog.Logger, t Timeouts) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: or(t.Header, 5*time.Second), ReadTimeout: or(t.Request, 30*time.Second),
		WriteTimeout: t.answer(), IdleTimeout: or(t.Idle, 2*time.Minute), MaxHeaderBytes: maxRawHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // a client's broken connection, mostly
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(problemListener{l, log}) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), or(t.Shutdown, 10*time.Second))
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	return errors.Join(err, afterShutdown(<-failed))
}

// afterShutdown is what is left of the error of a server that was told to stop.
func afterShutdown(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
