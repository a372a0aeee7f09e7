package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) settingCommand() *cobra.Command {
	return a.group("setting", "Settings that hold for every process", a.settingListCommand(), a.settingSetCommand())
}

func (a *app) settingListCommand() *cobra.Command {
	return a.command("list", "List settings", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		c, err := a.connect()
		if err != nil {
			return err
		}
		all, err := read[client.SettingList](c.ListSettingsWithResponse(ctx))
		if err != nil {
			return err
		}
		return show(a, all, func(l client.SettingList) {
			t := &table{
				header: []string{"KEY", "VALUE", "DEFAULT", "ALLOWED", "MEANING"},
				drop:   []string{"DEFAULT"},
				keep:   []string{"KEY", "VALUE", "ALLOWED"},
				wrap:   true,
			}
			for _, s := range l.Items {
				t.add(s.Key, plainValue(s.Value), plainValue(s.Default), allowed(s), s.Help)
			}
			a.showTable(t, nil)
		})
	})
}

// plainValue shows a JSON value without the quotes of a text.
func plainValue(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func allowed(s client.Setting) string {
	if s.Min == nil || s.Max == nil {
		return string(s.Kind)
	}
	bounds := fmt.Sprintf("%d to %d", *s.Min, *s.Max)
	if s.Kind == client.SettingKindSeconds {
		return bounds + " s"
	}
	return bounds
}

func (a *app) settingSetCommand() *cobra.Command {
	cmd := a.command("set KEY VALUE", "Change a setting", cobra.ExactArgs(2), func(ctx context.Context, args []string) error {
		return a.setSetting(ctx, args[0], args[1])
	})
	cmd.Long = "Changes a setting. A VALUE of digits is sent as a number, anything else as a\ntext. Running processes follow within 10 seconds."
	return cmd
}

func (a *app) setSetting(ctx context.Context, key, value string) error {
	raw, err := settingValue(value)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	set, err := read[client.Setting](c.SetSettingWithResponse(ctx, key, client.SettingValue{Value: raw}))
	if err != nil {
		return calledBy(key, "value", err)
	}
	return show(a, set, func(s client.Setting) {
		a.out.printf("%s is now %s (default %s)\n", s.Key, plainValue(s.Value), plainValue(s.Default))
	})
}

func settingValue(s string) (json.RawMessage, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return json.RawMessage(strconv.FormatInt(n, 10)), nil
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	return raw, nil
}
