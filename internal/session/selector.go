package session

import (
	"errors"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

// MaxSelectorIDs caps the instances that one request may name.
const MaxSelectorIDs = 10_000

const maxSelectorTags = 100

// Selector says which active instances a session takes. All stands alone;
// otherwise an instance must match every list that is not empty, and matches a
// list with any of its entries.
type Selector struct {
	All     bool               `json:"all,omitempty"`
	IDs     []fleet.InstanceID `json:"ids,omitempty"`
	Tags    []string           `json:"tags,omitempty"`
	Engines []fleet.Engine     `json:"engines,omitempty"`
}

// Validate reports the faults of the selector as *invalid.Error.
func (s Selector) Validate() error {
	lists := len(s.IDs) + len(s.Tags) + len(s.Engines)
	switch {
	case s.All && lists > 0:
		return invalid.Field("selector", "all stands alone: leave out ids, tags and engines")
	case !s.All && lists == 0:
		return invalid.Field("selector", "must name all, ids, tags or engines")
	case len(s.IDs) > MaxSelectorIDs:
		return invalid.Field("selector.ids", "must not be more than %d: use tags", MaxSelectorIDs)
	case len(s.Tags) > maxSelectorTags:
		return invalid.Field("selector.tags", "must not be more than %d", maxSelectorTags)
	}
	return errors.Join(s.validIDs(), s.validTags(), s.validEngines())
}

func (s Selector) validIDs() error {
	for _, id := range s.IDs {
		if id <= 0 {
			return invalid.Field("selector.ids", "%d is not the id of an instance", id)
		}
	}
	return nil
}

func (s Selector) validTags() error {
	for _, tag := range s.Tags {
		if err := fleet.ValidTags("selector.tags", []string{tag}); err != nil {
			return err
		}
	}
	return nil
}

func (s Selector) validEngines() error {
	for _, e := range s.Engines {
		if _, err := fleet.ParseEngine("selector.engines", string(e)); err != nil {
			return err
		}
	}
	return nil
}

// Request asks for a new session.
type Request struct {
	Category       Category
	Selector       Selector
	CreatedBy      *int64      // nil for a schedule
	IdempotencyKey string      // empty for none
	MaxAttempts    int         // 0 means the setting's value; 1 to 10 otherwise
	Schedule       *ScheduleID // nil for none
}

// Type is what the request will be stored as.
func (r Request) Type() Type {
	switch {
	case r.CreatedBy == nil:
		return Scheduled
	case len(r.Selector.IDs) == 1:
		return ManualSingle
	}
	return ManualBatch
}

// Validate reports the faults of the request as *invalid.Error.
func (r Request) Validate() error {
	_, categoryErr := ParseCategory("category", string(r.Category))
	return errors.Join(
		categoryErr,
		r.Selector.Validate(),
		invalid.OptionalText("Idempotency-Key", r.IdempotencyKey, 200),
		r.validAttempts(),
	)
}

func (r Request) validAttempts() error {
	if r.MaxAttempts < 0 || r.MaxAttempts > 10 {
		return invalid.Field("max_attempts", "must be between 1 and 10")
	}
	return nil
}
