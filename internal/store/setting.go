package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Settings returns the settings in force. A stored value that this binary
// cannot read is an error; session.ErrAway while Postgres is.
func (s *Store) Settings(ctx context.Context) (setting.Settings, error) {
	set, err := settings(ctx, s.q)
	return set, away(err)
}

// settings reads the settings in force within a transaction of the caller's.
func settings(ctx context.Context, q *dbq.Queries) (setting.Settings, error) {
	rows, err := q.ListSettings(ctx)
	if err != nil {
		return setting.Settings{}, fmt.Errorf("read settings: %w", err)
	}
	values := make(map[string]json.RawMessage, len(rows))
	for _, row := range rows {
		values[row.Key] = row.Value
	}
	return setting.FromRows(values)
}

// SettingValues returns every setting that this binary knows, by key.
func (s *Store) SettingValues(ctx context.Context) ([]setting.Value, error) {
	rows, err := s.q.ListSettings(ctx)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	stored := make(map[string]dbq.Setting, len(rows))
	for _, row := range rows {
		stored[row.Key] = row
	}
	var values []setting.Value
	for _, d := range setting.Definitions() {
		v := d.Unset()
		if row, ok := stored[d.Key]; ok {
			v.Value, v.UpdatedAt, v.UpdatedBy = row.Value, &row.UpdatedAt, &row.UpdatedBy
		}
		values = append(values, v)
	}
	return values, nil
}

// SettingValue returns one setting, or setting.ErrNotFound.
func (s *Store) SettingValue(ctx context.Context, key string) (setting.Value, error) {
	if _, err := setting.Find(key); err != nil {
		return setting.Value{}, err
	}
	values, err := s.SettingValues(ctx)
	if err != nil {
		return setting.Value{}, err
	}
	for _, v := range values {
		if v.Key == key {
			return v, nil
		}
	}
	return setting.Value{}, setting.ErrNotFound
}

// SetSetting stores a value and the audit event that tells the old and the new
// one. Errors: setting.ErrNotFound, *invalid.Error for the field "value".
func (s *Store) SetSetting(ctx context.Context, key string, raw json.RawMessage) error {
	def, err := setting.Find(key)
	if err != nil {
		return err
	}
	value, err := def.Check(raw)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(q *dbq.Queries) error {
		return setSetting(ctx, q, def, value)
	})
}

func setSetting(ctx context.Context, q *dbq.Queries, def setting.Definition, value json.RawMessage) error {
	old, err := q.LockSetting(ctx, def.Key)
	if errors.Is(err, pgx.ErrNoRows) {
		old, err = def.Unset().Value, nil
	}
	if err != nil {
		return fmt.Errorf("read setting %s: %w", def.Key, err)
	}
	by := user.ActorFrom(ctx).ID
	if err := q.UpsertSetting(ctx, dbq.UpsertSettingParams{Key: def.Key, Value: value, UpdatedBy: int64(by)}); err != nil {
		return fmt.Errorf("set %s: %w", def.Key, err)
	}
	return insertAudit(ctx, q, user.Event{
		Action: "setting.set", ObjectType: "setting", ObjectID: def.Key,
		Detail: map[string]any{"old": json.RawMessage(old), "new": value},
	})
}
