package httpapi

import (
	"context"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
)

// Bulk changes many instances at once, and counts their tags. Errors are those
// of package fleet, and *invalid.Error.
type Bulk interface {
	ChangeInstances(ctx context.Context, b fleet.Bulk) (fleet.BulkResult, error)
	Tags(ctx context.Context, limit int, after string) (tags []fleet.TagCount, next string, err error)
}

const tagList = "tags"

// ChangeInstances changes every instance of a selection.
func (a *API) ChangeInstances(ctx context.Context, r gen.ChangeInstancesRequestObject) (gen.ChangeInstancesResponseObject, error) {
	bulk := fleet.Bulk{
		Action: fleet.BulkAction(r.Body.Action), Selection: fromInstanceSelector(r.Body.Selector),
		Tags: value(r.Body.Tags), DryRun: value(r.Body.DryRun),
	}
	done, err := a.Bulk.ChangeInstances(ctx, bulk)
	if err != nil {
		return nil, err
	}
	return gen.ChangeInstances200JSONResponse{
		DryRun: bulk.DryRun, Changed: done.Changed,
		UnknownIds:   mapped(done.UnknownIDs, func(id fleet.InstanceID) int64 { return int64(id) }),
		UnknownNames: mapped(done.UnknownNames, func(name string) string { return name }),
	}, nil
}

func fromInstanceSelector(s gen.InstanceSelector) fleet.Selection {
	return fleet.Selection{
		All:     value(s.All),
		IDs:     mapped(value(s.Ids), func(id int64) fleet.InstanceID { return fleet.InstanceID(id) }),
		Names:   value(s.Names),
		Tags:    value(s.Tags),
		Engines: mapped(value(s.Engines), func(e gen.Engine) fleet.Engine { return fleet.Engine(e) }),
	}
}

// ListTags lists the tags of living instances.
func (a *API) ListTags(ctx context.Context, r gen.ListTagsRequestObject) (gen.ListTagsResponseObject, error) {
	from, err := decodeCursor(tagList, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	if err := fleet.ValidTags("cursor", []string{from}); from != "" && err != nil {
		return nil, errCursor()
	}
	tags, next, err := a.Bulk.Tags(ctx, limitOf(r.Params.Limit), from)
	if err != nil {
		return nil, err
	}
	page := gen.ListTags200JSONResponse{Items: mapped(tags, toTagCount)}
	if next != "" {
		page.NextCursor = encodeCursor(tagList, next)
	}
	return page, nil
}

func toTagCount(t fleet.TagCount) gen.TagCount {
	return gen.TagCount{Tag: t.Tag, Instances: t.Instances}
}
