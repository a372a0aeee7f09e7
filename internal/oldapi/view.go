package oldapi

import (
	"encoding/json"
	"math"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// The fields below are sent in the order in which they are written here.

type oldSession struct {
	ID                  int64   `json:"id"`
	SessionID           string  `json:"session_id"`
	SyncType            string  `json:"sync_type"`
	SyncCategory        string  `json:"sync_category"`
	Status              string  `json:"status"`
	StartedAt           string  `json:"started_at"`
	CompletedAt         *string `json:"completed_at"`
	TotalInstances      int     `json:"total_instances"`
	SuccessfulInstances int     `json:"successful_instances"`
	FailedInstances     int     `json:"failed_instances"`
	CreatedBy           *int64  `json:"created_by"`
	CreatedAt           string  `json:"created_at"`
	UpdatedAt           string  `json:"updated_at"`
}

type oldRecord struct {
	ID              int64           `json:"id"`
	SessionID       string          `json:"session_id"`
	InstanceID      int64           `json:"instance_id"`
	InstanceName    string          `json:"instance_name"`
	SyncCategory    string          `json:"sync_category"`
	Status          string          `json:"status"`
	StartedAt       *string         `json:"started_at"`
	CompletedAt     *string         `json:"completed_at"`
	AccountsSynced  int64           `json:"accounts_synced"`
	AccountsCreated int64           `json:"accounts_created"`
	AccountsUpdated int64           `json:"accounts_updated"`
	AccountsDeleted int64           `json:"accounts_deleted"`
	ErrorMessage    *string         `json:"error_message"`
	SyncDetails     json.RawMessage `json:"sync_details"`
	CreatedAt       string          `json:"created_at"`
}

type oldDetail struct {
	oldSession

	InstanceRecords []oldRecord `json:"instance_records"`
	Progress        float64     `json:"progress_percentage"`
}

// view writes what is stored in the old words. The zero value is not useful.
type view struct{ zone *time.Location }

func (v view) session(s session.Session) oldSession {
	return oldSession{
		ID: s.Row, SessionID: s.ID.String(), SyncType: string(s.Type), SyncCategory: string(s.Category),
		Status: sessionWord(s.Status), StartedAt: v.time(s.StartedAt), CompletedAt: v.optional(s.CompletedAt),
		TotalInstances: s.Total, SuccessfulInstances: s.Counts.Completed, FailedInstances: s.Counts.Failed,
		CreatedBy: s.CreatedBy, CreatedAt: v.time(s.CreatedAt), UpdatedAt: v.time(s.UpdatedAt),
	}
}

// sessions never returns nil, so that JSON shows a list; neither does records.
func (v view) sessions(list []session.Session) []oldSession {
	out := make([]oldSession, len(list))
	for i, s := range list {
		out[i] = v.session(s)
	}
	return out
}

func (v view) records(list []session.Record) []oldRecord {
	out := make([]oldRecord, len(list))
	for i, r := range list {
		out[i] = v.record(r)
	}
	return out
}

func (v view) record(r session.Record) oldRecord {
	return oldRecord{
		ID: int64(r.ID), SessionID: r.SessionID.String(), InstanceID: int64(r.InstanceID), InstanceName: r.InstanceName,
		SyncCategory: string(r.Category), Status: recordWord(r.Status),
		StartedAt: v.optional(r.StartedAt), CompletedAt: v.optional(r.CompletedAt),
		AccountsSynced: r.Items.Synced, AccountsCreated: r.Items.Created,
		AccountsUpdated: r.Items.Updated, AccountsDeleted: r.Items.Deleted,
		ErrorMessage: message(r.Fault), SyncDetails: details(r.Details), CreatedAt: v.time(r.CreatedAt),
	}
}

// time writes t with offset and microseconds; UTC is +00:00, as Python writes it.
func (v view) time(t time.Time) string {
	return t.In(v.zone).Format("2006-01-02T15:04:05.000000-07:00")
}

func (v view) optional(t *time.Time) *string {
	if t == nil {
		return nil
	}
	text := v.time(*t)
	return &text
}

// message is the text of the last failure. The old shape has no code: where
// there are no words, the code stands for them.
func message(f *session.Fault) *string {
	if f == nil {
		return nil
	}
	text := string(f.Code)
	if f.Err != nil && f.Err.Error() != "" {
		text = f.Err.Error()
	}
	return &text
}

// details is null as long as nothing is stored.
func details(stored []byte) json.RawMessage {
	if len(stored) == 0 || string(stored) == "{}" {
		return nil
	}
	return stored
}

// progress is the share of the records that have ended, in percent with two
// decimals at most. It is 100 only once nothing is open.
func progress(s session.Session) float64 {
	if s.Status.Terminal() {
		return 100
	}
	if s.Total == 0 {
		return 0
	}
	const nearly = 99.99
	percent := math.Round(float64(s.Counts.Done())*10_000/float64(s.Total)) / 100
	if s.Counts.Open() > 0 {
		percent = min(percent, nearly)
	}
	return percent
}
