package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/user"
)

// ChangeInstances changes all instances of a selection, or none, and stores
// that as one audit event. It counts those that were otherwise before; a dry
// run stores nothing. Error: *invalid.Error.
func (s *Store) ChangeInstances(ctx context.Context, b fleet.Bulk) (result fleet.BulkResult, err error) {
	if err := b.Validate(); err != nil {
		return fleet.BulkResult{}, err
	}
	b.Tags = slices.Compact(slices.Sorted(slices.Values(b.Tags)))
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		result, err = changeInstances(ctx, q, b)
		return err
	})
	return result, err
}

func changeInstances(ctx context.Context, q *dbq.Queries, b fleet.Bulk) (fleet.BulkResult, error) {
	result, err := unknown(ctx, q, b.Selection)
	if err != nil {
		return result, err
	}
	ids, err := q.BulkTargets(ctx, dbq.BulkTargetsParams{
		Ids: numbers(b.Selection.IDs), Names: texts(b.Selection.Names), Engines: texts(b.Selection.Engines),
		Tags: texts(b.Selection.Tags), Action: string(b.Action), Change: texts(b.Tags),
	})
	if err != nil {
		return result, fmt.Errorf("select instances: %w", err)
	}
	if b.DryRun {
		result.Changed = len(ids)
		return result, nil
	}
	if ids, err = q.BulkLock(ctx, ids); err != nil {
		return result, fmt.Errorf("lock instances: %w", err)
	}
	if result.Changed, err = applyBulk(ctx, q, b, ids); err != nil {
		return result, err
	}
	return result, insertAudit(ctx, q, user.Event{
		Action: "instance.bulk", ObjectType: "instance",
		Detail: map[string]any{
			"action": b.Action, "selector": audited(b.Selection), "tags": b.Tags, "ids": firstOf(ids), "changed": result.Changed,
		},
	})
}

// unknown returns what was named and is not there.
func unknown(ctx context.Context, q *dbq.Queries, s fleet.Selection) (result fleet.BulkResult, err error) {
	ids, err := q.UnknownInstanceIDs(ctx, numbers(s.IDs))
	if err != nil {
		return result, fmt.Errorf("look for the selected ids: %w", err)
	}
	for _, id := range ids {
		result.UnknownIDs = append(result.UnknownIDs, fleet.InstanceID(id))
	}
	if result.UnknownNames, err = q.UnknownInstanceNames(ctx, texts(s.Names)); err != nil {
		return result, fmt.Errorf("look for the selected names: %w", err)
	}
	return result, nil
}

func applyBulk(ctx context.Context, q *dbq.Queries, b fleet.Bulk, ids []int64) (int, error) {
	var n int64
	var err error
	switch b.Action {
	case fleet.BulkActivate, fleet.BulkDeactivate:
		n, err = q.BulkSetActive(ctx, dbq.BulkSetActiveParams{Ids: ids, Active: b.Action == fleet.BulkActivate})
	case fleet.BulkAddTags:
		n, err = q.BulkAddTags(ctx, dbq.BulkAddTagsParams{Ids: ids, Tags: b.Tags})
	case fleet.BulkRemoveTags:
		n, err = q.BulkRemoveTags(ctx, dbq.BulkRemoveTagsParams{Ids: ids, Tags: b.Tags})
	}
	if err != nil {
		return 0, fmt.Errorf("%s %d instances: %w", b.Action, len(ids), err)
	}
	if b.Action == fleet.BulkAddTags {
		err = checkTagCap(ctx, q, ids)
	}
	return int(n), err
}

// checkTagCap runs after the tags were added: the rows are locked, so that no
// other change can add to what it counts.
func checkTagCap(ctx context.Context, q *dbq.Queries, ids []int64) error {
	name, err := q.OverTagged(ctx, dbq.OverTaggedParams{Ids: ids, Most: fleet.MaxTags})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("count tags: %w", err)
	}
	return invalid.Field("tags", "instance %s would have more than %d; nothing was changed", name, fleet.MaxTags)
}

// Tags returns the tags of living instances by name: at most limit, after the
// given one. next is the tag to go on after; empty when there are no more.
func (s *Store) Tags(ctx context.Context, limit int, after string) (tags []fleet.TagCount, next string, err error) {
	rows, err := s.q.ListTags(ctx, dbq.ListTagsParams{After: after, RowLimit: more(limit)})
	if err != nil {
		return nil, "", fmt.Errorf("list tags: %w", err)
	}
	rows, next = cut(rows, limit, func(r dbq.ListTagsRow) string { return r.Tag })
	for _, r := range rows {
		tags = append(tags, fleet.TagCount{Tag: r.Tag, Instances: int(r.Instances)})
	}
	return tags, next, nil
}
