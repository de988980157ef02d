package runtimes

import "regexp"

// claudeScreens holds for 2.1.197 and 2.1.329. Both draw the composer as ❯ and
// a no-break space; options of dialogs have ❯ and a plain one, with numbers in
// the older version. The defaults of the newer one mean No.
var claudeScreens = rules{
	composer: regexp.MustCompile(`^\s?❯\x{a0}(.*)$`),
	cursor:   regexp.MustCompile(`^[\s│]*❯ (?:\d+\. )?(.*)$`),
	option:   regexp.MustCompile(`^[\s│]*(?:❯ )?(?:\d+\. )?(\S.*)$`),
	hints:    regexp.MustCompile(`^(Press up to edit queued messages|Try ".*)$`),
	busy:     regexp.MustCompile(`^[·✢✳✶✻✽*] \S.*(…|[Rr]etrying in)`),
	busyFoot: regexp.MustCompile(`esc to interrupt`),
	ready:    regexp.MustCompile(`^\s?─{8,}`),
	dead:     regexp.MustCompile(`^Resume this session with:|^Claude Code didn't start|^Pane is dead|^claude --resume [0-9a-f-]{36}$`),
	modal:    regexp.MustCompile(`Enter to confirm|Press Enter to continue|Esc to cancel|Enter to select`),
	dialogs:  claudeDialogs,
}

// claudeDialogs, in the order a first start may meet them. What avoids each:
// the seed of the folder's trust; --mcp-config, which needs no approval;
// permissions.additionalDirectories; skipDangerousModePermissionPrompt. The
// account's own set-up and credentials are a person's.
var claudeDialogs = []dialog{
	{
		name: "refused as root", words: words(`cannot be used with root/sudo privileges`),
		cause:  "claude refuses to work without asking when it runs as root",
		remedy: "run iapeer as another user, set approval mode gated for this peer, or export IS_SANDBOX=1 if this machine is a sandbox",
	},
	{
		name: "no network", words: words(`Unable to connect to Anthropic services`),
		cause:  "claude was never set up for this account, and cannot reach api.anthropic.com to do it now",
		remedy: "run claude once in a terminal with a network connection and finish its set-up",
	},
	{
		name: "theme", words: words(`Choose the text style that looks best|Syntax theme: .*ctrl\+t to disable`),
		cause:  "claude was never set up for this account",
		remedy: "run claude once in a terminal and finish its set-up",
	},
	{
		name: "login", words: words(`Select login method`),
		cause:  "claude is not logged in",
		remedy: "run claude once in a terminal and log in, or export ANTHROPIC_API_KEY and run iapeer config env",
	},
	{
		// stands in the footer of a screen that looks ready
		name: "signed out", words: words(`(?i)not logged in · run /login`),
		cause:  "claude is not signed in",
		remedy: "run claude once in a terminal and log in, or export ANTHROPIC_API_KEY and run iapeer config env --refresh",
	},
	{
		name: "security notes", words: words(`Security notes:`, `Press Enter to continue`), keys: keyEnter,
	},
	{
		name: "trust", words: words(`Quick safety check|Do you trust (this folder|the files)|trust this folder`, `(?i)esc to cancel|enter to confirm`),
		choose: regexp.MustCompile(`^Yes, (I trust this folder|proceed)`),
	},
	{
		name: "additional folder", words: words(`Adding a new directory`, `(?i)esc to cancel|enter to confirm`),
		choose: regexp.MustCompile(`^Yes`),
	},
	{
		name: "project MCP server", words: words(`(?i)\d* ?new MCP servers? found in`, `(?i)esc to cancel|enter to confirm`),
		cause:  "the folder's .mcp.json has a server that nobody approved yet",
		remedy: "attach and choose, or approve it once by running claude in the folder",
	},
	{
		name: "API key", words: words(`Detected a custom API key`),
		cause:  "claude asks whether to use the API key of the environment",
		remedy: "attach and choose, or answer it once by running claude in a terminal",
	},
	{
		name: "bypass mode", words: words(`running in Bypass Permissions mode`, `(?i)esc to cancel|enter to confirm`),
		choose: regexp.MustCompile(`^Yes, I accept`), risk: true,
		cause:  "nobody accepted yet that claude works without asking",
		remedy: "accept it with iapeer init, or set approval mode gated for this peer",
	},
	{
		name: "resume from summary", words: words(`Resume from summary`, `Resume full session`),
		choose: regexp.MustCompile(`^Resume full session`),
	},
	{
		name: "fullscreen renderer", words: words(`Try the new fullscreen renderer\?`, `Not now`),
		choose: regexp.MustCompile(`^Not now`),
	},
	{
		name: "resume picker", words: words(`Resume session`, `Search…|Type to search`),
		cause:  "claude does not know the session that was to be resumed",
		remedy: "iapeer new <peer> starts a fresh one",
	},
	{
		name: "external imports", words: words(`Allow external CLAUDE\.md file imports\?`),
		cause:  "the folder's CLAUDE.md imports files from outside it",
		remedy: "attach and choose, or answer it once by running claude in the folder",
	},
	{
		name: "held message", words: words(`Held message from another session`),
		cause:  "another session wants to send claude a message past iapeer",
		remedy: "attach and choose",
	},
	{
		name: "organization policy", ask: true, words: words(`organization requires approval`),
		cause:  "the organization's policy asks for approval",
		remedy: "attach and choose",
	},
	{
		name: "permission prompt", ask: true, words: words(`Do you want to (proceed|make this edit|create|allow)|This command requires approval`, `(?i)❯ (\d\. )?yes|esc to cancel`),
		cause:  "claude asks for a permission",
		remedy: "answer it with iapeer approvals, or attach",
	},
}
