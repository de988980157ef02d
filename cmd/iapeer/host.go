package main

import "github.com/iapeer/iapeer/session"

// hostCmd implements "iapeer host", the process around one session. The daemon
// starts it; nobody types it.
type hostCmd struct {
	Spec string `arg:"" help:"Path of the session's order."`
}

// Help implements kong.HelpProvider.
func (*hostCmd) Help() string {
	return "Example:\n  iapeer host <root>/state/supervisor/claude-web.serve.json"
}

// Run serves the session until it ends.
func (c *hostCmd) Run() error {
	if code := session.RunHost(c.Spec); code != 0 {
		return &exitError{code: code}
	}
	return nil
}
