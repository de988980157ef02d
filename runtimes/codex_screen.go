package runtimes

import "regexp"

// codexScreens holds for 0.169.0. While answer text streams the screen is that
// of an idle session: it never proves that codex is idle, its OSC 7501 does.
var codexScreens = rules{
	composer: regexp.MustCompile(`^› (|\D.*|\d+|\d+[^\d.].*|\d+\.(?:[^ ].*)?)$`),
	cursor:   regexp.MustCompile(`^\s*› (?:\d+\. )?(.*)$`),
	option:   regexp.MustCompile(`^\s*(?:› )?(?:\d+\. )?(\S.*)$`),
	hints:    regexp.MustCompile(`^Ask Codex to do anything$`),
	busy:     regexp.MustCompile(`^[•◦] Working \(|esc to interrupt\)|Queued follow-up inputs|tab to queue message|Messages to be submitted after next tool call`),
	dead:     regexp.MustCompile(`^To continue this session, run|^Pane is dead|^\s*codex resume [0-9a-f-]{36}$`),
	modal:    regexp.MustCompile(`(?i)enter continue|press enter to (continue|confirm)|enter to submit|esc (skip|back|dismiss)|esc to cancel`),
	dialogs:  codexDialogs,
}

// codexDialogs. What avoids each: check_for_update_on_startup=false, the
// override of projects, --dangerously-bypass-hook-trust,
// default_tools_approval_mode.
var codexDialogs = []dialog{
	{
		name: "update", words: words(`Update available`, `(?i)enter (to )?continue`),
		choose: regexp.MustCompile(`^Skip$`),
	},
	{
		name: "trust", words: words(`Trust this folder\?|Do you trust the contents of this directory\?`),
		choose: regexp.MustCompile(`^(Trust and continue|Yes, continue|Yes)`),
	},
	{
		name: "hooks review", words: words(`Hooks need review`),
		choose: regexp.MustCompile(`^Trust all`),
	},
	{
		name: "model migration", words: words(`Try new model`, `Use existing model`),
		choose: regexp.MustCompile(`^Use existing model`),
	},
	{
		name: "login", words: words(`Sign in with ChatGPT`),
		cause:  "codex is not logged in",
		remedy: "run codex login once in a terminal, or configure a model provider with an API key",
	},
	{
		name: "open elsewhere", words: words(`This conversation is open in another app`),
		cause:  "another program holds this conversation",
		remedy: "close it there, then attach and press r; or iapeer new <peer>",
	},
	{
		name: "warnings", words: words(`Warnings · \d+ of \d+`, `esc dismiss`), keys: keyEscape,
	},
	{
		name: "permission prompt", words: words(`Allow the .* to run|Would you like to run|Allow command\?`, `(?i)enter to (submit|confirm)|esc to cancel`),
		cause:  "codex asks for a permission",
		remedy: "answer it with iapeer approvals, or attach",
	},
}
