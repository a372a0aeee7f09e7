package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dbfleet/dbfleet/client"
)

// gap is a part of a server that could not be read.
type gap struct {
	Database string `json:"database"` // empty: the whole server
	Type     string `json:"type"`     // of objects; empty: everything there
	Code     string `json:"code"`
	Phase    string `json:"phase"`
	Reason   string `json:"reason"`
}

// place says in words what was not read.
func (g gap) place() string {
	where := "the server"
	if g.Database != "" {
		where = "database " + g.Database
	}
	if g.Type != "" {
		return g.Type + " of " + where
	}
	return where
}

// partDetails is what a record's details say about a partial result.
type partDetails struct {
	Gaps     []gap `json:"gaps"`      // the first ones
	GapCount int   `json:"gap_count"` // all of them
	Hold     *struct {
		ID      int64  `json:"id"`
		Reason  string `json:"reason"`
		Applied bool   `json:"applied"`
	} `json:"hold"`
}

// trouble is why a record failed, or what a partial one lacks.
func trouble(r client.SyncRecord) string {
	if r.Fault != nil || !r.Partial {
		return fault(r.Fault)
	}
	var d partDetails
	if err := json.Unmarshal(r.Details, &d); err != nil {
		return "--json shows what it lacks" // the details of another release
	}
	var parts []string
	if d.Hold != nil && !d.Hold.Applied {
		parts = append(parts, fmt.Sprintf("%s: dbfleet hold show %d", d.Hold.Reason, d.Hold.ID))
	}
	if len(d.Gaps) > 0 {
		g := d.Gaps[0]
		parts = append(parts, fmt.Sprintf("%s at %s: %s: %s", g.Code, g.Phase, g.place(), g.Reason))
	}
	if more := d.GapCount - 1; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more with --json", more))
	}
	return orDash(strings.Join(parts, "; "))
}
