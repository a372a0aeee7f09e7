package httpapi

import (
	"context"
	"encoding/json"

	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/setting"
)

// Settings keeps the settings. Errors: setting.ErrNotFound, *invalid.Error.
type Settings interface {
	SettingValues(ctx context.Context) ([]setting.Value, error)
	SettingValue(ctx context.Context, key string) (setting.Value, error)
	SetSetting(ctx context.Context, key string, value json.RawMessage) error
}

// ListSettings lists every setting.
func (a *API) ListSettings(ctx context.Context, _ gen.ListSettingsRequestObject) (gen.ListSettingsResponseObject, error) {
	values, err := a.Settings.SettingValues(ctx)
	if err != nil {
		return nil, err
	}
	return gen.ListSettings200JSONResponse{Items: mapped(values, toSetting)}, nil
}

// GetSetting shows one setting.
func (a *API) GetSetting(ctx context.Context, r gen.GetSettingRequestObject) (gen.GetSettingResponseObject, error) {
	v, err := a.Settings.SettingValue(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	return gen.GetSetting200JSONResponse(toSetting(v)), nil
}

// SetSetting sets a value and shows what is in force now.
func (a *API) SetSetting(ctx context.Context, r gen.SetSettingRequestObject) (gen.SetSettingResponseObject, error) {
	if err := a.Settings.SetSetting(ctx, r.Key, r.Body.Value); err != nil {
		return nil, err
	}
	v, err := a.Settings.SettingValue(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	return gen.SetSetting200JSONResponse(toSetting(v)), nil
}

func toSetting(v setting.Value) gen.Setting {
	out := gen.Setting{
		Key: v.Key, Kind: gen.SettingKind(v.Kind), Value: v.Value, Default: v.Unset().Value, Help: v.Help,
		UpdatedAt: utc(v.UpdatedAt), UpdatedBy: v.UpdatedBy,
	}
	if v.Kind != setting.Zone {
		out.Min, out.Max = &v.Min, &v.Max
	}
	return out
}
