package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// selectorFlags say which instances to take.
type selectorFlags struct {
	all       bool
	ids       []int64
	instances []string
	tags      []string
	engines   []string
}

const selectorUse = "(--all | --id ID | --instance NAME | --tag TAG | --engine ENGINE)"

const selectorHelp = `Every kind of selection but --all can be given more than once, for any of
several; of different kinds an instance must match each one.`

func (f *selectorFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "every active instance")
	flags.Int64SliceVar(&f.ids, "id", nil, "instance by its `ID`")
	flags.Lookup("id").DefValue = "" // "[]" would be shown
	flags.StringArrayVar(&f.instances, "instance", nil, "instance by its `NAME`")
	flags.StringSliceVar(&f.tags, "tag", nil, "instances with this `TAG`")
	flags.StringSliceVar(&f.engines, "engine", nil, "instances of this `ENGINE`")
}

func (f *selectorFlags) lists() int {
	return len(f.ids) + len(f.instances) + len(f.tags) + len(f.engines)
}

// given reports whether the user selects anything.
func (f *selectorFlags) given() bool { return f.all || f.lists() > 0 }

func (f *selectorFlags) check() error {
	switch {
	case !f.given():
		return usagef("which instances? Give --all, --id, --instance, --tag or --engine")
	case f.all && f.lists() > 0:
		return usagef("--all stands alone: leave out --id, --instance, --tag and --engine")
	}
	return nil
}

func (f *selectorFlags) selector(ctx context.Context, c *api) (client.Selector, error) {
	if f.all {
		return client.Selector{All: &f.all}, nil
	}
	ids := f.ids
	for _, name := range f.instances {
		id, err := c.instanceID(ctx, name)
		if err != nil {
			return client.Selector{}, err
		}
		ids = append(ids, id)
	}
	var s client.Selector
	if len(ids) > 0 {
		s.Ids = &ids
	}
	if len(f.tags) > 0 {
		s.Tags = &f.tags
	}
	s.Engines = wordList[client.Engine](f.engines)
	return s, nil
}
