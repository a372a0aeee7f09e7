package httpapi

import (
	"encoding/json"
	"math"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/session"
)

func toSession(s session.Session) gen.SyncSession {
	return gen.SyncSession{
		SessionId: s.ID, Type: gen.SessionType(s.Type), Category: gen.Category(s.Category), Status: gen.SessionStatus(s.Status),
		Result: toResult(s.Result), Reason: s.Reason, ParentId: s.Parent, Selector: toSelector(s.Selector),
		MaxAttempts: s.MaxAttempts, CreatedBy: s.CreatedBy, ScheduleId: (*int64)(s.Schedule), StartedAt: s.StartedAt.UTC(), DeadlineAt: s.DeadlineAt.UTC(),
		CompletedAt: utc(s.CompletedAt), CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(), TotalInstances: s.Total,
		Counts: toCounts(s.Counts), Items: toItems(s.Items), Progress: percent(s), RatePerSecond: rounded(s.Progress.Rate, 2), EtaSeconds: seconds(s.Progress.Left),
		DurationsMs: gen.Durations{P50: milliseconds(s.P50), P95: milliseconds(s.P95), Max: milliseconds(s.Max)},
		ErrorGroups: mapped(s.ErrorGroups, toGroup),
	}
}

// percent is how many of a session's records have ended, 0 to 100 with two
// decimals; never 100 before the last record has.
func percent(s session.Session) float64 {
	switch {
	case s.Status.Terminal():
		return 100
	case s.Total == 0:
		return 0
	}
	return math.Floor(float64(s.Counts.Done())*10_000/float64(s.Total)) / 100
}

// seconds rounds up.
func seconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	n := int64(math.Ceil(d.Seconds()))
	return &n
}

func toResult(r session.Result) *gen.SessionResult {
	if r == "" {
		return nil
	}
	result := gen.SessionResult(r)
	return &result
}

func toSelector(s session.Selector) gen.Selector {
	var out gen.Selector
	if s.All {
		out.All = &s.All
	}
	if len(s.IDs) > 0 {
		ids := mapped(s.IDs, func(id fleet.InstanceID) int64 { return int64(id) })
		out.Ids = &ids
	}
	if len(s.Tags) > 0 {
		out.Tags = &s.Tags
	}
	if len(s.Engines) > 0 {
		engines := mapped(s.Engines, func(e fleet.Engine) gen.Engine { return gen.Engine(e) })
		out.Engines = &engines
	}
	return out
}

func toCounts(c session.Counts) gen.Counts {
	return gen.Counts{
		Pending: c.Pending, Queued: c.Queued, Running: c.Running, Completed: c.Completed, Failed: c.Failed,
		Cancelled: c.Cancelled, Skipped: c.Skipped, Partial: c.Partial,
	}
}

func toItems(i session.Items) gen.Items {
	return gen.Items{Synced: i.Synced, Created: i.Created, Updated: i.Updated, Deleted: i.Deleted}
}

func toGroup(g session.ErrorGroup) gen.ErrorGroup {
	return gen.ErrorGroup{Code: string(g.Code), Phase: string(g.Phase), Count: g.Count, Sample: g.Sample, Message: g.Message}
}

func toRecord(r session.Record) gen.SyncRecord {
	return gen.SyncRecord{
		Id: int64(r.ID), SessionId: r.SessionID, InstanceId: int64(r.InstanceID), InstanceName: r.InstanceName,
		Category: gen.Category(r.Category), Status: gen.RecordStatus(r.Status), Attempt: r.Attempt, Failures: r.Failures,
		Lost: r.Lost, DueAt: r.DueAt.UTC(), StartedAt: utc(r.StartedAt), CompletedAt: utc(r.CompletedAt),
		DurationMs: milliseconds(r.Duration), Items: toItems(r.Items), Partial: r.Partial, Fault: toFault(r.Fault, r.Fingerprint),
		Waiting: toWaiting(r.Waiting),
		Details: object(r.Details), CreatedAt: r.CreatedAt.UTC(),
	}
}

func toWaiting(w *session.Waiting) *gen.Waiting {
	if w == nil {
		return nil
	}
	return &gen.Waiting{Reason: gen.WaitingReason(w.Reason), Since: w.Since.UTC(), Until: utc(w.Until), SessionId: w.Session}
}

func toFault(f *session.Fault, kind session.Fingerprint) *gen.Fault {
	if f == nil {
		return nil
	}
	out := gen.Fault{Code: string(f.Code), Phase: string(f.Phase), Fingerprint: string(kind)}
	if f.Err != nil {
		out.Message = f.Err.Error()
	}
	return &out
}

// object returns stored JSON as it is; nothing stored is an empty object.
func object(stored []byte) json.RawMessage {
	if len(stored) == 0 {
		return json.RawMessage("{}")
	}
	return stored
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
