package postgres_test

import (
	"context"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
)

func fakes() collectortest.Fakes {
	return collectortest.Fakes{
		NoTLS:       func(_ context.Context, c net.Conn) { answerTLS(c, 'N') },
		HangTLS:     func(_ context.Context, c net.Conn) { answerTLS(c, 'S') },
		HangLogin:   collectortest.Silent,
		HangQuery:   func(_ context.Context, c net.Conn) { serve(c, hang) },
		Unsupported: func(_ context.Context, c net.Conn) { serve(c, tellVersion("90603", "9.6.3")) },
		Endless:     func(_ context.Context, c net.Conn) { serve(c, endless) },
	}
}

// answerTLS answers a request for TLS with one byte and then hears only.
func answerTLS(c net.Conn, answer byte) {
	if answerOnce(c, answer) == nil {
		_, _ = io.Copy(io.Discard, c)
	}
}

// serve accepts a login and gives each query to answer.
func serve(c net.Conn, answer func(*pgproto3.Backend, string)) {
	admit(c, func(string) *pgproto3.ErrorResponse { return nil }, answer)
}

// admit is serve for a server that may refuse a login to a database.
func admit(c net.Conn, refuse func(database string) *pgproto3.ErrorResponse, answer func(*pgproto3.Backend, string)) {
	backend := pgproto3.NewBackend(c, c)
	start, err := backend.ReceiveStartupMessage()
	if err != nil {
		return
	}
	if m, ok := start.(*pgproto3.StartupMessage); ok {
		if no := refuse(m.Parameters["database"]); no != nil {
			backend.Send(no)
			_ = backend.Flush()
			return
		}
	}
	backend.Send(&pgproto3.AuthenticationOk{})
	backend.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: "15.4"})
	backend.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}})
	backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if backend.Flush() != nil {
		return
	}
	query := ""
	for {
		message, err := backend.Receive()
		if err != nil {
			return
		}
		switch m := message.(type) {
		case *pgproto3.Parse:
			query = m.Query
		case *pgproto3.Sync:
			answer(backend, query)
			if backend.Flush() != nil {
				return
			}
		case *pgproto3.Terminate:
			return
		}
	}
}

func hang(*pgproto3.Backend, string) {}

// reply sends a whole result of text columns.
func reply(b *pgproto3.Backend, columns int, rows ...[]string) {
	beginReply(b, columns)
	for _, r := range rows {
		b.Send(dataRow(r))
	}
	b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT")})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
}

func beginReply(b *pgproto3.Backend, columns int) {
	b.Send(&pgproto3.ParseComplete{})
	b.Send(&pgproto3.BindComplete{})
	b.Send(&pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, columns)})
}

func dataRow(values []string) *pgproto3.DataRow {
	row := &pgproto3.DataRow{}
	for _, v := range values {
		row.Values = append(row.Values, []byte(v))
	}
	return row
}

func tellVersion(number, text string) func(*pgproto3.Backend, string) {
	return func(b *pgproto3.Backend, _ string) { reply(b, 2, []string{number, text}) }
}

// endless knows its version and identity and has roles without end.
func endless(b *pgproto3.Backend, query string) {
	switch {
	case strings.Contains(query, "server_version_num"):
		tellVersion("150004", "15.4")(b, query)
	case strings.Contains(query, "system_identifier"):
		reply(b, 1, []string{"1"})
	default:
		beginReply(b, 11)
		for oid := 20000; ; oid++ {
			b.Send(dataRow([]string{strconv.Itoa(oid), strings.Repeat("x", 1<<16), "t", "f", "t", "f", "f", "f", "f", "-1", ""}))
			if b.Flush() != nil {
				return
			}
		}
	}
}

// askPlainPassword wants the password as it is, and then refuses it.
func askPlainPassword(_ context.Context, c net.Conn) {
	backend := pgproto3.NewBackend(c, c)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.AuthenticationCleartextPassword{})
	if backend.Flush() != nil {
		return
	}
	if _, err := backend.Receive(); err != nil {
		return
	}
	backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "no"})
	_ = backend.Flush()
}

// refuseLogin answers a login with an error that repeats the password of it.
func refuseLogin(c net.Conn, state string) {
	backend := pgproto3.NewBackend(c, c)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.ErrorResponse{
		Severity: "FATAL", Code: state, Message: "the server says no to password 'fake-Pa55word' of postgres://u:fake-Pa55word@h/",
	})
	_ = backend.Flush()
}

// refuse answers a statement with an error.
func refuse(b *pgproto3.Backend, state string) {
	b.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: state, Message: "the server says no"})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
}
