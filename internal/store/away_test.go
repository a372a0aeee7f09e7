package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbfleet/dbfleet/internal/session"
)

func TestPostgresIsAwayOnlyWhenEveryCallFails(t *testing.T) {
	t.Parallel()
	const gone, trouble, other = "away", "trouble", "other"
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"shut down":                {&pgconn.PgError{Code: "57P01"}, gone},
		"starting":                 {&pgconn.PgError{Code: "57P03"}, gone},
		"too many connections":     {&pgconn.PgError{Code: "53300"}, gone},
		"connection failure":       {&pgconn.PgError{Code: "08006"}, gone},
		"connection broken":        {io.ErrUnexpectedEOF, gone},
		"refused":                  {&pgconn.ConnectError{}, gone},
		"statement too long":       {&pgconn.PgError{Code: "57014"}, trouble},
		"lock not got":             {&pgconn.PgError{Code: "55P03"}, trouble},
		"deadlock":                 {&pgconn.PgError{Code: "40P01"}, trouble},
		"serialization":            {&pgconn.PgError{Code: "40001"}, trouble},
		"disk full":                {&pgconn.PgError{Code: "53100"}, trouble},
		"idle in transaction":      {&pgconn.PgError{Code: "25P03"}, trouble},
		"a caller out of time":     {errors.Join(context.DeadlineExceeded, errors.New("conn closed")), other},
		"a caller who has gone":    {context.Canceled, other},
		"a constraint":             {&pgconn.PgError{Code: "23505"}, other},
		"a wrong password of ours": {&pgconn.PgError{Code: "28P01"}, other},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := other
			switch err := away(away(fmt.Errorf("doing: %w", c.err))); {
			case !errors.Is(err, c.err):
				t.Errorf("the reason is lost: %v", err)
			case errors.Is(err, session.ErrAway):
				got = gone
			case session.AsFault(err).Code == session.CodeStorage:
				got = trouble
			}
			if got != c.want || Unavailable(c.err) != (c.want == gone) {
				t.Errorf("%v is %s, want %s", c.err, got, c.want)
			}
		})
	}
}

// Whatever keeps one snapshot from being stored must not count as an outage, or
// the record would be read again until its session ends.
func TestWhatCannotBeStoredIsAFaultOfItsRecord(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	b.sql(t, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$`)
	b.sql(t, `CREATE TRIGGER full_disk BEFORE INSERT ON last_syncs FOR EACH ROW EXECUTE FUNCTION full_disk()`)
	err := b.complete(t.Context(), w.Claim)
	fault := session.AsFault(err)
	if fault.Code != session.CodeStorage || errors.Is(err, session.ErrAway) {
		t.Fatalf("complete = %v", err)
	}
	if err := b.Return(t.Context(), w.Claim, fault, time.Second); err != nil {
		t.Fatal(err)
	}
	if r := b.onlyRecord(t, id); r.Failures != 1 || r.Fault.Code != session.CodeStorage {
		t.Errorf("record = %+v", r)
	}
}
