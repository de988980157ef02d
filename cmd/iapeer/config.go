package main

import (
	"context"
	"fmt"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// configCmd implements "iapeer config".
type configCmd struct {
	Show configShowCmd `cmd:"" default:"withargs" help:"Every setting and its value."`
	Set  configSetCmd  `cmd:"" help:"Write a setting into <root>/config.toml."`
	Env  configEnvCmd  `cmd:"" help:"The environment that sessions begin with."`
}

// Help implements kong.HelpProvider.
func (*configCmd) Help() string {
	return `A flag wins over the environment, the environment over the file, the file over
the default.

Example:
  iapeer config show --origin`
}

type configShowCmd struct {
	Key    string `arg:"" optional:"" help:"Only this setting."`
	Origin bool   `help:"Also where each value comes from."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*configShowCmd) Help() string { return "Example:\n  iapeer config show --origin" }

// Run shows.
func (c *configShowCmd) Run(ctx context.Context, w *world) error {
	list, err := w.fleet("").Settings(ctx)
	if err != nil {
		return err
	}
	if c.Key != "" {
		for _, s := range list {
			if s.Key == c.Key {
				w.printf("%s\n", s.Value)
				return nil
			}
		}
		return fmt.Errorf("%q is no setting; iapeer config show lists them", c.Key)
	}
	if c.JSON {
		return w.json(list)
	}
	w.printf("%s", render.Settings(w.style(), list, c.Origin))
	return nil
}

type configSetCmd struct {
	Key   string `arg:"" help:"Which setting."`
	Value string `arg:"" help:"Its value; \"\" removes it from the file."`
}

// Help implements kong.HelpProvider.
func (*configSetCmd) Help() string { return "Example:\n  iapeer config set me ada" }

// Run sets.
func (c *configSetCmd) Run(ctx context.Context, w *world) error {
	if err := w.mine().Set(ctx, c.Key, c.Value); err != nil {
		return err
	}
	w.printf("%s = %s, in %s; settings are read when the daemon starts: iapeer daemon restart\n", c.Key, c.Value, w.style().Path(w.paths().Config()))
	return nil
}

type configEnvCmd struct {
	Refresh bool `help:"Record it anew from a login shell."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*configEnvCmd) Help() string { return "Example:\n  iapeer config env --refresh" }

// Run shows the environment.
func (c *configEnvCmd) Run(ctx context.Context, w *world) error {
	env, err := w.mine().Environment(ctx, c.Refresh)
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(env)
	}
	for _, kv := range env {
		w.printf("%s\n", render.Line(kv, 1000))
	}
	return nil
}
