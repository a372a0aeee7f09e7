package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/dbfleet/dbfleet/internal/secret"
)

const maxPassword = 64 << 10 // bytes of the line that holds it

// password reads a password: from a prompt without echo when In is a terminal,
// else from the first line of In.
func (a *app) password(ctx context.Context, prompt string) (secret.Text, error) {
	if file, ok := a.std.In.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		a.err.printf("%s: ", prompt)
		defer a.err.write("\n")
		return promptPassword(ctx, file)
	}
	line, err := bufio.NewReader(io.LimitReader(a.std.In, maxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return secret.Text{}, fmt.Errorf("read the password from standard input: %w", err)
	}
	return notEmpty(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
}

// promptPassword gives up when ctx ends, and turns the echo on again. The
// goroutine that it then leaves behind ends with the process: a read from a
// terminal cannot be interrupted.
func promptPassword(ctx context.Context, terminal *os.File) (secret.Text, error) {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return secret.Text{}, fmt.Errorf("ask for the password: %w", err)
	}
	type typed struct {
		text []byte
		err  error
	}
	entered := make(chan typed, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		entered <- typed{text, err}
	}()
	select {
	case got := <-entered:
		if got.err != nil {
			return secret.Text{}, fmt.Errorf("ask for the password: %w", got.err)
		}
		return notEmpty(string(got.text))
	case <-ctx.Done():
		return secret.Text{}, errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}

func notEmpty(password string) (secret.Text, error) {
	if password == "" {
		return secret.Text{}, errors.New("no password: type it at the prompt or give it as one line on standard input")
	}
	return secret.New(password), nil
}
