package pages

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dbfleet/dbfleet/internal/session"
)

// listView is what /sessions shows.
type listView struct {
	Category   session.Category // empty: all
	Categories []session.Category
	Open       []sessionView
	OpenInAll  int
	Ended      []sessionView
	EndedInAll int
}

func newList(chosen []session.Category, open []session.Session, openInAll int, ended []session.Session, endedInAll int) listView {
	v := listView{Categories: session.Categories(), OpenInAll: openInAll, EndedInAll: endedInAll}
	if len(chosen) > 0 {
		v.Category = chosen[0]
	}
	for _, s := range open {
		v.Open = append(v.Open, newView(s))
	}
	for _, s := range ended {
		v.Ended = append(v.Ended, newView(s))
	}
	return v
}

// Title is the page's headline.
func (v listView) Title() string { return "Sessions" }

// sessionView is a session with what its own page shows beside it.
type sessionView struct {
	session.Session

	Asked       *session.Record // that a link named; mostly nil
	Running     []session.Record
	MoreRunning bool // than are shown
	Failed      []session.Record
	MoreFailed  bool
	Kinds       []session.ErrorKind
	MoreKinds   int
}

func newView(s session.Session) sessionView { return sessionView{Session: s} }

// Title is the page's headline.
func (v sessionView) Title() string { return "Session " + v.ID.String() }

// Open reports whether the session still runs.
func (v sessionView) Open() bool { return !v.Status.Terminal() }

// Outcome is the state in words: "failed, partial".
func (v sessionView) Outcome() string {
	if v.Result == "" || string(v.Result) == string(v.Status) {
		return string(v.Status)
	}
	return fmt.Sprintf("%s, %s", v.Status, v.Result)
}

// Tone is the class of the state's badge.
func (v sessionView) Tone() string {
	switch {
	case v.Open():
		return "busy"
	case v.Status == session.Failed:
		return "bad"
	case v.Status == session.Cancelled, v.Result != session.Succeeded:
		return "warn"
	}
	return "good"
}

// By says who asked for the session.
func (v sessionView) By() string {
	switch {
	case v.Schedule != nil && v.CreatedBy != nil:
		return fmt.Sprintf("schedule %d, run by user %d", *v.Schedule, *v.CreatedBy)
	case v.Schedule != nil:
		return fmt.Sprintf("schedule %d", *v.Schedule)
	case v.CreatedBy == nil || *v.CreatedBy == 0:
		return "the system"
	}
	return fmt.Sprintf("user %d", *v.CreatedBy)
}

// Took is how long the session ran, or has run.
func (v sessionView) Took() string {
	if v.CompletedAt == nil {
		return since(v.StartedAt)
	}
	return span(v.CompletedAt.Sub(v.StartedAt))
}

// Left is the estimate of what is left; empty when there is none.
func (v sessionView) Left() string {
	if v.Progress.Left == nil {
		return ""
	}
	return span(*v.Progress.Left)
}

// Selected says in words which instances were selected.
func (v sessionView) Selected() string {
	s := v.Selector
	if s.All {
		return "all active instances"
	}
	var parts []string
	if n := len(s.IDs); n > 0 {
		parts = append(parts, fmt.Sprintf("%d by id", n))
	}
	if len(s.Tags) > 0 {
		parts = append(parts, "tagged "+strings.Join(s.Tags, " or "))
	}
	for _, e := range s.Engines {
		parts = append(parts, "engine "+string(e))
	}
	return strings.Join(parts, ", ")
}

// count is one figure of a session.
type count struct {
	Word string
	N    int
}

// Figures is how many records are in which state, without those states that
// have none.
func (v sessionView) Figures() []count {
	c := v.Counts
	var list []count
	for _, one := range []count{
		{"completed", c.Completed},
		{"of them incomplete or held", c.Partial},
		{"failed", c.Failed},
		{"cancelled", c.Cancelled},
		{"skipped", c.Skipped},
		{"running", c.Running},
		{"queued", c.Queued},
		{"pending", c.Pending},
	} {
		if one.N > 0 {
			list = append(list, one)
		}
	}
	return list
}

// faultView is what the page of an error says.
type faultView struct {
	Headline, Advice string
}

// Title is the page's headline.
func (v faultView) Title() string { return v.Headline }

// why says in words why a record does not run.
func why(reason session.WaitingReason) string {
	switch reason {
	case session.NoWorker:
		return "no living worker serves the category: start one"
	case session.DueLater:
		return "for its next attempt,"
	case session.OtherSession:
		return "another session reads this instance now"
	case session.HostLimit:
		return "its host has as many records under way as it may have"
	case session.CredentialUnproven:
		return "the first logins with its credential have not succeeded yet"
	case session.Ready:
		return "it is the next one's turn"
	}
	return string(reason)
}

func short(id session.ID) string { return id.String()[:8] }

// number is 1,234,567.
func number(n any) string {
	digits := fmt.Sprint(n)
	if _, err := strconv.ParseUint(digits, 10, 64); err != nil {
		return digits
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
