package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Claim takes the record of a ticket for a worker, for at most limit. It
// returns session.ErrClaimLost when there is nothing to do: the ticket is old,
// the session is not running, the worker's lease is over, the instance is gone
// (the record is then skipped) or has another host or credential than it had
// (the record is then due again), or another session reads the same instance
// (the record is then due again in five seconds).
func (s *Store) Claim(ctx context.Context, t session.Ticket, w session.WorkerID, limit time.Duration) (session.Work, error) {
	row, err := s.q.ClaimRecord(ctx, dbq.ClaimRecordParams{
		ID: int64(t.Record), Gen: int32(t.Gen), WorkerID: w, TimeLimit: limit,
	})
	switch {
	case err == nil:
		return toWork(t, w, row), nil
	case violates(err, "records_one_running"):
		return session.Work{}, s.postpone(ctx, t)
	case errors.Is(err, pgx.ErrNoRows):
		return session.Work{}, s.decline(ctx, t)
	}
	return session.Work{}, away(fmt.Errorf("claim record %d: %w", t.Record, err))
}

func (s *Store) postpone(ctx context.Context, t session.Ticket) error {
	if _, err := s.q.PostponeRecord(ctx, dbq.PostponeRecordParams{ID: int64(t.Record), Gen: int32(t.Gen)}); err != nil {
		return away(fmt.Errorf("postpone record %d: %w", t.Record, err))
	}
	return session.ErrClaimLost
}

// decline settles a queued record that cannot be claimed as it is: skipped when
// its instance is gone, due again when that has moved to another host or
// credential, whose limits have not been asked yet.
func (s *Store) decline(ctx context.Context, t session.Ticket) error {
	n, err := s.q.SkipQueuedRecord(ctx, dbq.SkipQueuedRecordParams{ID: int64(t.Record), Gen: int32(t.Gen)})
	if err != nil {
		return away(fmt.Errorf("skip record %d: %w", t.Record, err))
	}
	if n > 0 {
		return session.ErrClaimLost
	}
	if _, err := s.q.RedirectQueuedRecord(ctx, dbq.RedirectQueuedRecordParams{ID: int64(t.Record), Gen: int32(t.Gen)}); err != nil {
		return away(fmt.Errorf("redirect record %d: %w", t.Record, err))
	}
	return session.ErrClaimLost
}

func toWork(t session.Ticket, w session.WorkerID, row dbq.ClaimRecordRow) session.Work {
	claim := session.Claim{Record: t.Record, Session: row.SessionID, Attempt: int(row.Attempt), Worker: w}
	return session.Work{
		Claim:    claim,
		Category: session.Category(row.SyncCategory),
		Target: fleet.Target{
			InstanceID: fleet.InstanceID(row.InstanceID), Name: row.Name, Engine: fleet.Engine(row.Engine),
			Host: row.Host, Port: int(row.Port), Database: row.Database,
			TLSMode: fleet.TLSMode(row.TlsMode), TLSCA: row.TlsCa, TLSServerName: row.TlsServerName,
			Username: row.Username,
			AppName:  fmt.Sprintf("dbfleet/%s/%d/%d", row.SessionID, row.InstanceID, row.Attempt),
		},
		Sealed: row.Sealed, Credential: fleet.CredentialID(row.CredentialID), Version: int(row.Version),
		Limit:    time.Duration(row.LimitS * float64(time.Second)),
		Failures: int(row.Failures),
		Policy:   session.RetryPolicy{MaxAttempts: int(row.MaxAttempts)},
		Proven:   row.Proven,
	}
}

// ProveLogin notes that a login with this version of the credential has
// succeeded in the session, so that the others no longer wait for it.
func (s *Store) ProveLogin(ctx context.Context, w session.Work) error {
	err := s.q.ProveLogin(ctx, dbq.ProveLoginParams{
		SessionID: w.Session, CredentialID: int64(w.Credential), CredentialVersion: int32(w.Version),
	})
	if err != nil {
		return away(fmt.Errorf("note proven login: %w", err))
	}
	return nil
}

// Close ends the record for good without results: failed, cancelled or
// skipped. fault is nil when there was none. Error: session.ErrClaimLost.
func (s *Store) Close(ctx context.Context, c session.Claim, status session.RecordStatus, fault *session.Fault, details map[string]any) error {
	return closeRecord(ctx, s.q, c, status, fault, details)
}

func closeRecord(ctx context.Context, q *dbq.Queries, c session.Claim, status session.RecordStatus, fault *session.Fault, details map[string]any) error {
	if _, err := session.RecordRunning.To(status); err != nil {
		return err
	}
	encoded, err := encodeDetails(details)
	if err != nil {
		return err
	}
	words := faultWords(fault)
	n, err := q.CloseRecord(ctx, dbq.CloseRecordParams{
		ID: int64(c.Record), Attempt: int32(c.Attempt), WorkerID: c.Worker, Status: string(status),
		Failed: words.count, Contact: string(words.contact),
		ErrorCode: words.code, ErrorPhase: words.phase, ErrorMessage: words.message,
		ErrorFingerprint: words.fingerprint, SyncDetails: encoded,
	})
	return fenced(c, n, err, "close record")
}

// Return makes the record pending again after delay: after a failure that may
// pass (fault), or to give it back untried (nil). It becomes cancelled instead
// when its session, or it alone, is being cancelled. Error: session.ErrClaimLost.
func (s *Store) Return(ctx context.Context, c session.Claim, fault *session.Fault, delay time.Duration) error {
	return returnRecord(ctx, s.q, c, fault, delay)
}

func returnRecord(ctx context.Context, q *dbq.Queries, c session.Claim, fault *session.Fault, delay time.Duration) error {
	words := faultWords(fault)
	n, err := q.ReturnRecord(ctx, dbq.ReturnRecordParams{
		ID: int64(c.Record), Attempt: int32(c.Attempt), WorkerID: c.Worker,
		Failed: words.count, Contact: string(words.contact), Delay: delay,
		ErrorCode: words.code, ErrorPhase: words.phase, ErrorMessage: words.message, ErrorFingerprint: words.fingerprint,
	})
	return fenced(c, n, err, "return record")
}

// fenced turns "no row matched" into session.ErrClaimLost.
func fenced(c session.Claim, n int64, err error, doing string) error {
	if err != nil {
		return away(fmt.Errorf("%s %d: %w", doing, c.Record, err))
	}
	if n == 0 {
		return session.ErrClaimLost
	}
	return nil
}

// words are a fault as columns; all empty without one.
type words struct {
	count                int32
	contact              fleet.Contact
	code, phase, message *string
	fingerprint          string
}

const maxMessage = 4096 // bytes, as the table's CHECK says

// errorText cuts an error's text to what its column takes.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	text := storable(err.Error())
	for len(text) > maxMessage {
		_, size := utf8.DecodeLastRuneInString(text[:maxMessage+1])
		text = text[:maxMessage+1-size]
	}
	return text
}

// storable replaces what a text column refuses.
func storable(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

func faultWords(f *session.Fault) words {
	if f == nil {
		return words{contact: fleet.ContactUnknown}
	}
	code, phase, message := string(f.Code), string(f.Phase), errorText(f.Err)
	return words{
		count: 1, contact: f.Code.Contact(), code: &code, phase: &phase, message: &message,
		fingerprint: string(session.FingerprintOf(f.Code, f.Phase, message)),
	}
}

// maxDetails is in bytes of compact JSON. The column takes 64 KB of what jsonb
// prints, which has a space after every comma and colon.
const maxDetails = 40 << 10

func encodeDetails(details map[string]any) ([]byte, error) {
	if details == nil {
		return []byte("{}"), nil
	}
	encoded, err := json.Marshal(details)
	if err != nil {
		return nil, fmt.Errorf("encode details: %w", err)
	}
	if len(encoded) > maxDetails {
		return []byte(`{"truncated":true}`), nil
	}
	return withoutNUL(encoded), nil
}

// withoutNUL replaces the one escape that jsonb refuses. The first pair steps
// over escaped backslashes, so that what follows them stays text.
func withoutNUL(encoded []byte) []byte {
	if !bytes.Contains(encoded, []byte(`\u0000`)) {
		return encoded
	}
	return []byte(strings.NewReplacer(`\\`, `\\`, `\u0000`, `\ufffd`).Replace(string(encoded)))
}
