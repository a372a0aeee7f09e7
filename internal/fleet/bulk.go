package fleet

import (
	"errors"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// MaxSelected caps the ids, and the names, that one selection may list.
const MaxSelected = 10_000

const maxSelectedTags = 100

// Selection says which living instances a change takes, active or not. All
// stands alone; otherwise an instance must match every list that is not empty,
// and matches a list with any of its entries. It is kept in the audit trail.
type Selection struct {
	All     bool         `json:"all,omitempty"`
	IDs     []InstanceID `json:"ids,omitempty"`
	Names   []string     `json:"names,omitempty"`
	Tags    []string     `json:"tags,omitempty"`
	Engines []Engine     `json:"engines,omitempty"`
}

// Validate reports the faults of the selection as *invalid.Error.
func (s Selection) Validate() error {
	lists := len(s.IDs) + len(s.Names) + len(s.Tags) + len(s.Engines)
	switch {
	case s.All && lists > 0:
		return invalid.Field("selector", "all stands alone: leave out ids, names, tags and engines")
	case !s.All && lists == 0:
		return invalid.Field("selector", "must name all, ids, names, tags or engines")
	case len(s.IDs) > MaxSelected:
		return invalid.Field("selector.ids", "must not be more than %d: use tags", MaxSelected)
	case len(s.Names) > MaxSelected:
		return invalid.Field("selector.names", "must not be more than %d: use tags", MaxSelected)
	case len(s.Tags) > maxSelectedTags:
		return invalid.Field("selector.tags", "must not be more than %d", maxSelectedTags)
	}
	return s.validEntries()
}

func (s Selection) validEntries() error {
	for _, id := range s.IDs {
		if id <= 0 {
			return invalid.Field("selector.ids", "%d is not the id of an instance", id)
		}
	}
	for _, name := range s.Names {
		if err := invalid.Text("selector.names", name, maxNameRunes); err != nil {
			return err
		}
	}
	for _, tag := range s.Tags {
		if err := ValidTags("selector.tags", []string{tag}); err != nil {
			return err
		}
	}
	for _, e := range s.Engines {
		if _, err := ParseEngine("selector.engines", string(e)); err != nil {
			return err
		}
	}
	return nil
}

// BulkAction is what a bulk change does to each instance. Sent; do not rename.
type BulkAction string

// The actions.
const (
	BulkActivate   BulkAction = "activate"
	BulkDeactivate BulkAction = "deactivate"
	BulkAddTags    BulkAction = "add_tags"
	BulkRemoveTags BulkAction = "remove_tags"
)

// Bulk asks for one change of many instances.
type Bulk struct {
	Action    BulkAction
	Selection Selection
	Tags      []string // of add_tags and remove_tags; each once
	DryRun    bool     // change nothing, only count
}

// Validate reports the faults of the request as *invalid.Error.
func (b Bulk) Validate() error {
	return errors.Join(b.validAction(), b.Selection.Validate(), ValidTags("tags", b.Tags))
}

func (b Bulk) validAction() error {
	switch b.Action {
	case BulkAddTags, BulkRemoveTags:
		if len(b.Tags) == 0 {
			return invalid.Field("tags", "must name a tag for %s", b.Action)
		}
	case BulkActivate, BulkDeactivate:
		if len(b.Tags) > 0 {
			return invalid.Field("tags", "are not for %s: tags to select by belong into the selector", b.Action)
		}
	default:
		return invalid.Field("action", "must be activate, deactivate, add_tags or remove_tags")
	}
	return nil
}

// BulkResult says what a bulk change did, or would do.
type BulkResult struct {
	Changed      int          // instances that were otherwise before
	UnknownIDs   []InstanceID // selected, and not the id of a living instance
	UnknownNames []string     // selected, and not the name of a living instance
}

// TagCount is a tag, and how many living instances carry it.
type TagCount struct {
	Tag       string
	Instances int
}
