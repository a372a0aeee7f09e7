package store

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/schedule"
)

// maxAudited is how many ids or names one event lists; its count is the whole.
const maxAudited = 1000

// field is one field of something before and after a change.
type field struct {
	name          string
	before, after any
}

// differences tells old and new of each field that differs.
func differences(fields ...field) map[string]any {
	detail := map[string]any{}
	for _, f := range fields {
		if !reflect.DeepEqual(f.before, f.after) {
			detail[f.name] = map[string]any{"old": f.before, "new": f.after}
		}
	}
	return detail
}

// withName adds the name that something had before, where the change is not one
// of the name.
func withName(detail map[string]any, name string) map[string]any {
	if _, renamed := detail["name"]; !renamed {
		detail["name"] = name
	}
	return detail
}

func instanceDifferences(before, after fleet.Instance) map[string]any {
	return differences(
		field{"name", before.Name, after.Name},
		field{"engine", before.Engine, after.Engine},
		field{"host", before.Host, after.Host},
		field{"port", before.Port, after.Port},
		field{"database", before.Database, after.Database},
		field{"credential_id", before.CredentialID, after.CredentialID},
		field{"tls_mode", before.TLSMode, after.TLSMode},
		field{"tls_ca", digest(before.TLSCA), digest(after.TLSCA)},
		field{"tls_server_name", before.TLSServerName, after.TLSServerName},
		field{"host_key", before.HostKey, after.HostKey},
		field{"tags", texts(before.Tags), texts(after.Tags)},
		field{"active", before.Active, after.Active},
	)
}

// digest stands for an authority's certificates, which are kilobytes.
func digest(pem string) string {
	if pem == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(pem))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func scheduleDifferences(before, after schedule.Schedule) map[string]any {
	return differences(
		field{"name", before.Name, after.Name},
		field{"cron", before.Cron, after.Cron},
		field{"time_zone", before.TimeZone, after.TimeZone},
		field{"category", before.Category, after.Category},
		field{"selector", before.Selector, after.Selector},
		field{"overlap", before.Overlap, after.Overlap},
		field{"catch_up", before.CatchUp, after.CatchUp},
		field{"max_attempts", before.MaxAttempts, after.MaxAttempts},
	)
}

func firstOf[T any](list []T) []T { return list[:min(len(list), maxAudited)] }

// audited is the selection without what one event has no room for.
func audited(s fleet.Selection) fleet.Selection {
	s.IDs, s.Names = firstOf(s.IDs), firstOf(s.Names)
	return s
}
