// Package e2e runs the built programs as a user would, each test in a home
// folder of its own: the CLI, the daemon, session hosts, and the real claude
// and codex with a scripted model. It holds tests only.
package e2e
